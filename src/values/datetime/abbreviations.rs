//! Abbreviations of time zones that dates may carry: PostgreSQL's set `Default`
//! (`timezone_abbreviations`), sorted by name. A server with another set reads some of them otherwise.

use self::Meaning::{Fixed, Zone};

/// What an abbreviation stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A UTC offset in seconds, east positive; is it summer time?
    Fixed(i32, bool),
    /// What the zone used it for at the time.
    Zone(&'static str),
}

/// Looks up a lower-case abbreviation.
pub(super) fn find(name: &str) -> Option<Meaning> {
    let at = ABBREVIATIONS.binary_search_by_key(&name, |(name, _)| name).ok()?;
    ABBREVIATIONS.get(at).map(|(_, meaning)| *meaning)
}

#[rustfmt::skip]
const ABBREVIATIONS: &[(&str, Meaning)] = &[
    ("acdt", Fixed(37_800, true)), ("acsst", Fixed(37_800, true)), ("acst", Fixed(34_200, false)),
    ("act", Fixed(-18_000, false)), ("acwst", Fixed(31_500, false)), ("adt", Fixed(-10_800, true)),
    ("aedt", Fixed(39_600, true)), ("aesst", Fixed(39_600, true)), ("aest", Fixed(36_000, false)),
    ("aft", Fixed(16_200, false)), ("akdt", Fixed(-28_800, true)), ("akst", Fixed(-32_400, false)),
    ("almst", Fixed(25_200, true)), ("almt", Fixed(21_600, false)), ("amst", Zone("Asia/Yerevan")),
    ("amt", Fixed(-14_400, false)), ("anast", Zone("Asia/Anadyr")), ("anat", Zone("Asia/Anadyr")),
    ("arst", Zone("America/Argentina/Buenos_Aires")), ("art", Zone("America/Argentina/Buenos_Aires")),
    ("ast", Fixed(-14_400, false)), ("awsst", Fixed(32_400, true)), ("awst", Fixed(28_800, false)),
    ("azost", Fixed(0, true)), ("azot", Fixed(-3_600, false)), ("azst", Zone("Asia/Baku")),
    ("azt", Zone("Asia/Baku")), ("bdst", Fixed(7_200, true)), ("bdt", Fixed(21_600, false)),
    ("bnt", Fixed(28_800, false)), ("bort", Fixed(28_800, false)), ("bot", Fixed(-14_400, false)),
    ("bra", Fixed(-10_800, false)), ("brst", Fixed(-7_200, true)), ("brt", Fixed(-10_800, false)),
    ("bst", Fixed(3_600, true)), ("btt", Fixed(21_600, false)), ("cadt", Fixed(37_800, true)),
    ("cast", Fixed(34_200, false)), ("cct", Fixed(28_800, false)), ("cdt", Fixed(-18_000, true)),
    ("cest", Fixed(7_200, true)), ("cet", Fixed(3_600, false)), ("cetdst", Fixed(7_200, true)),
    ("chadt", Fixed(49_500, true)), ("chast", Fixed(45_900, false)), ("chut", Fixed(36_000, false)),
    ("ckt", Zone("Pacific/Rarotonga")), ("clst", Fixed(-10_800, true)), ("clt", Zone("America/Santiago")),
    ("cot", Fixed(-18_000, false)), ("cst", Fixed(-21_600, false)), ("cxt", Fixed(25_200, false)),
    ("davt", Zone("Antarctica/Davis")), ("ddut", Fixed(36_000, false)), ("easst", Zone("Pacific/Easter")),
    ("east", Zone("Pacific/Easter")), ("eat", Fixed(10_800, false)), ("edt", Fixed(-14_400, true)),
    ("eest", Fixed(10_800, true)), ("eet", Fixed(7_200, false)), ("eetdst", Fixed(10_800, true)),
    ("egst", Fixed(0, true)), ("egt", Fixed(-3_600, false)), ("est", Fixed(-18_000, false)),
    ("fet", Fixed(10_800, false)), ("fjst", Fixed(46_800, true)), ("fjt", Fixed(43_200, false)),
    ("fkst", Zone("Atlantic/Stanley")), ("fkt", Zone("Atlantic/Stanley")), ("fnst", Fixed(-3_600, true)),
    ("fnt", Fixed(-7_200, false)), ("galt", Fixed(-21_600, false)), ("gamt", Fixed(-32_400, false)),
    ("gest", Zone("Asia/Tbilisi")), ("get", Zone("Asia/Tbilisi")), ("gft", Fixed(-10_800, false)),
    ("gilt", Fixed(43_200, false)), ("gmt", Fixed(0, false)), ("gyt", Zone("America/Guyana")),
    ("hkt", Fixed(28_800, false)), ("hst", Fixed(-36_000, false)), ("ict", Fixed(25_200, false)),
    ("idt", Fixed(10_800, true)), ("iot", Zone("Indian/Chagos")), ("irkst", Zone("Asia/Irkutsk")),
    ("irkt", Zone("Asia/Irkutsk")), ("irt", Fixed(12_600, false)), ("ist", Fixed(7_200, false)),
    ("jayt", Fixed(32_400, false)), ("jst", Fixed(32_400, false)), ("kdt", Fixed(36_000, true)),
    ("kgst", Fixed(21_600, true)), ("kgt", Zone("Asia/Bishkek")), ("kost", Zone("Pacific/Kosrae")),
    ("krast", Zone("Asia/Krasnoyarsk")), ("krat", Zone("Asia/Krasnoyarsk")), ("kst", Fixed(32_400, false)),
    ("lhdt", Zone("Australia/Lord_Howe")), ("lhst", Fixed(37_800, false)), ("ligt", Fixed(36_000, false)),
    ("lint", Zone("Pacific/Kiritimati")), ("lkt", Zone("Asia/Colombo")), ("magst", Zone("Asia/Magadan")),
    ("magt", Zone("Asia/Magadan")), ("mart", Fixed(-34_200, false)), ("mawt", Zone("Antarctica/Mawson")),
    ("mdt", Fixed(-21_600, true)), ("mest", Fixed(7_200, true)), ("mesz", Fixed(7_200, true)),
    ("met", Fixed(3_600, false)), ("metdst", Fixed(7_200, true)), ("mez", Fixed(3_600, false)),
    ("mht", Fixed(43_200, false)), ("mmt", Fixed(23_400, false)), ("mpt", Fixed(36_000, false)),
    ("msd", Fixed(14_400, true)), ("msk", Zone("Europe/Moscow")), ("mst", Fixed(-25_200, false)),
    ("must", Fixed(18_000, true)), ("mut", Fixed(14_400, false)), ("mvt", Fixed(18_000, false)),
    ("myt", Fixed(28_800, false)), ("ndt", Fixed(-9_000, true)), ("nft", Fixed(-12_600, false)),
    ("novst", Zone("Asia/Novosibirsk")), ("novt", Zone("Asia/Novosibirsk")), ("npt", Fixed(20_700, false)),
    ("nst", Fixed(-12_600, false)), ("nut", Zone("Pacific/Niue")), ("nzdt", Fixed(46_800, true)),
    ("nzst", Fixed(43_200, false)), ("nzt", Fixed(43_200, false)), ("omsst", Zone("Asia/Omsk")),
    ("omst", Zone("Asia/Omsk")), ("pdt", Fixed(-25_200, true)), ("pet", Fixed(-18_000, false)),
    ("petst", Zone("Asia/Kamchatka")), ("pett", Zone("Asia/Kamchatka")), ("pgt", Fixed(36_000, false)),
    ("pht", Fixed(28_800, false)), ("pkst", Fixed(21_600, true)), ("pkt", Fixed(18_000, false)),
    ("pmdt", Fixed(-7_200, true)), ("pmst", Fixed(-10_800, false)), ("pont", Fixed(39_600, false)),
    ("pst", Fixed(-28_800, false)), ("pwt", Fixed(32_400, false)), ("pyst", Fixed(-10_800, true)),
    ("pyt", Zone("America/Asuncion")), ("ret", Fixed(14_400, false)), ("sadt", Fixed(37_800, true)),
    ("sast", Fixed(7_200, false)), ("sct", Fixed(14_400, false)), ("sgt", Zone("Asia/Singapore")),
    ("taht", Fixed(-36_000, false)), ("tft", Fixed(18_000, false)), ("tjt", Fixed(18_000, false)),
    ("tkt", Zone("Pacific/Fakaofo")), ("tmt", Zone("Asia/Ashgabat")), ("tot", Fixed(46_800, false)),
    ("trut", Fixed(36_000, false)), ("tvt", Fixed(43_200, false)), ("uct", Fixed(0, false)),
    ("ulast", Fixed(32_400, true)), ("ulat", Zone("Asia/Ulaanbaatar")), ("ut", Fixed(0, false)),
    ("utc", Fixed(0, false)), ("uyst", Fixed(-7_200, true)), ("uyt", Fixed(-10_800, false)),
    ("uzst", Fixed(21_600, true)), ("uzt", Fixed(18_000, false)), ("vet", Zone("America/Caracas")),
    ("vlast", Zone("Asia/Vladivostok")), ("vlat", Zone("Asia/Vladivostok")), ("volt", Zone("Europe/Volgograd")),
    ("vut", Fixed(39_600, false)), ("wadt", Fixed(28_800, true)), ("wakt", Fixed(43_200, false)),
    ("wast", Fixed(25_200, false)), ("wat", Fixed(3_600, false)), ("wdt", Fixed(32_400, true)),
    ("wet", Fixed(0, false)), ("wetdst", Fixed(3_600, true)), ("wft", Fixed(43_200, false)),
    ("wgst", Fixed(-7_200, true)), ("wgt", Fixed(-10_800, false)), ("xjt", Fixed(21_600, false)),
    ("yakst", Zone("Asia/Yakutsk")), ("yakt", Zone("Asia/Yakutsk")), ("yapt", Fixed(36_000, false)),
    ("yekst", Fixed(21_600, true)), ("yekt", Zone("Asia/Yekaterinburg")), ("z", Fixed(0, false)),
    ("zulu", Fixed(0, false)),
];

#[cfg(test)]
mod tests {
    use super::{ABBREVIATIONS, Meaning, find};

    #[test]
    fn each_abbreviation_is_found_and_each_zone_exists() {
        for (name, meaning) in ABBREVIATIONS {
            assert_eq!(find(name), Some(*meaning));
            if let Meaning::Zone(zone) = meaning {
                assert!(jiff::tz::TimeZone::get(zone).is_ok(), "{zone}");
            }
        }
        assert_eq!(find("foo"), None);
    }
}
