package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"pgveil-driver-tests/report"
)

const insertCustomer = `INSERT INTO customers (name, email, ssn, phone, birth, balance, visits, points, level, vip, score, seen,
  local_time, opens, token, photo, prefs, raw, address)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) RETURNING id, created`

const (
	mail  = "Ada." + report.Marker + "@Example.com"
	phone = "+49 30 " + report.Marker
	ssn   = report.Marker + "-0001"
)

var (
	berlin  = time.FixedZone("", 2*60*60)
	birth   = time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)
	seen    = time.Date(2024, 6, 1, 12, 30, 15, 123456000, berlin)
	local   = time.Date(2024, 6, 1, 7, 0, 0, 500000000, time.UTC)
	token   = [16]byte{0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8, 0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a, 0x11}
	opens   = pgtype.Time{Microseconds: 9*3600*1_000_000 + 250_000, Valid: true}
	balance = pgtype.Numeric{Int: big.NewInt(123456), Exp: -2, Valid: true}
)

func numeric(text string) pgtype.Numeric {
	var n pgtype.Numeric
	check(n.Scan(text))
	return n
}

type preferences struct {
	Theme string         `json:"theme"`
	Sizes []int          `json:"sizes"`
	More  map[string]any `json:"more,omitempty"`
}

var inserting = []testCase{
	{"connected", func(a *app) {
		for _, name := range []string{"server_version", "server_encoding", "client_encoding", "application_name", "is_superuser",
			"session_authorization", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes", "standard_conforming_strings"} {
			a.steps.Note(name, a.conn.PgConn().ParameterStatus(name), nil)
		}
		a.steps.Note("ping", "", a.conn.Ping(a.ctx))
		a.query("one", a.conn, "SELECT 1 AS one, 'x'::text, now() IS NOT NULL")
	}},
	{"insert natural values", func(a *app) {
		a.query("ada", a.conn, insertCustomer, "Ada", mail, ssn, phone, birth, balance, 12, int64(1)<<40, int16(3), true, 2.5, seen,
			local, opens, token, []byte{0, 1, 0xff, '\\'}, map[string]any{"theme": "dark " + report.Marker, "n": 1.5, "l": []int{1, 2}},
			json.RawMessage(`{"b": 1, "a": [true, null], "b": 2}`), netip.MustParsePrefix("10.1.2.3/24"))
	}},
	{"insert nulls", func(a *app) {
		a.query("bob", a.conn, insertCustomer, "Bob", "bob@"+report.Marker, nil, nil, nil, 0, nil, nil, nil, nil, nil, nil, nil, nil, nil,
			nil, nil, nil, nil)
		var nothing *string
		a.query("nil pointers", a.conn, insertCustomer, "Cid", "cid@"+report.Marker, nothing, nothing, (*time.Time)(nil), "0", (*int32)(nil),
			(*int64)(nil), (*int16)(nil), (*bool)(nil), (*float64)(nil), (*time.Time)(nil), (*time.Time)(nil), pgtype.Time{},
			pgtype.UUID{}, []byte(nil), (*string)(nil), nothing, (*netip.Addr)(nil))
	}},
	{"insert pgtype values", func(a *app) {
		a.query("dan", a.conn, insertCustomer, pgtype.Text{String: "Dan", Valid: true}, pgtype.Text{String: "dan@" + report.Marker, Valid: true},
			pgtype.Text{String: report.Marker + "-04", Valid: true}, pgtype.Text{String: "0", Valid: true}, pgtype.Date{Time: birth, Valid: true},
			pgtype.Numeric{Int: big.NewInt(-5), Exp: 3, Valid: true}, pgtype.Int4{Int32: -7, Valid: true}, pgtype.Int8{Int64: -8, Valid: true},
			pgtype.Int2{Int16: -9, Valid: true}, pgtype.Bool{Valid: true}, pgtype.Float8{Float64: -0.0, Valid: true},
			pgtype.Timestamptz{Time: seen, Valid: true}, pgtype.Timestamp{Time: local, Valid: true}, opens,
			pgtype.UUID{Bytes: token, Valid: true}, []byte{}, []byte(`{"theme":"light"}`), `[1,  2]`, "::1")
	}},
	{"insert text of every value", func(a *app) {
		a.query("eve", a.conn, insertCustomer, "Eve", "eve@"+report.Marker, "5", "1", "2001-02-03", "77.10", "44", "55", "6", "true", "1e-3",
			"2024-06-01 12:00:00+02", "2024-06-01 12:00:00", "23:59:59.999999", "B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", []byte("text"),
			`{"a": 1}`, `"text"`, "192.168.0.1")
	}},
	{"insert edges", func(a *app) {
		a.query("max", a.conn, insertCustomer, "Max", "max@"+report.Marker, strings.Repeat("9", 11), strings.Repeat("é", 300),
			pgtype.Date{InfinityModifier: pgtype.Infinity, Valid: true}, pgtype.Numeric{NaN: true, Valid: true}, int32(math.MaxInt32),
			int64(math.MaxInt64), int16(math.MaxInt16), true, math.NaN(), pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true},
			pgtype.Timestamp{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, pgtype.Time{Microseconds: 86_400_000_000, Valid: true},
			[16]byte{}, []byte(strings.Repeat("\x00\xff", 100)), `{}`, `null`, netip.MustParseAddr("2001:db8::ff"))
		a.query("min", a.conn, insertCustomer, "Min", "min@"+report.Marker, "", "", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
			pgtype.Numeric{Int: big.NewInt(-999999999999), Exp: -2, Valid: true}, int32(math.MinInt32),
			int64(math.MinInt64), int16(math.MinInt16), false, math.Inf(-1), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), pgtype.Time{Valid: true},
			pgtype.UUID{Bytes: [16]byte{15: 1}, Valid: true}, []byte{0}, `null`, `""`, netip.MustParsePrefix("0.0.0.0/0"))
		a.query("tiny", a.conn, insertCustomer, "Tiny", "tiny@"+report.Marker, nil, nil, nil, 0, nil, nil, nil, nil, math.SmallestNonzeroFloat64,
			nil, nil, nil, nil, nil, nil, nil, nil)
		a.query("rounded", a.conn, insertCustomer, "Rounded", "rounded@"+report.Marker, nil, nil, nil, 10.005, nil, nil, nil, nil, 0.1+0.2,
			nil, nil, nil, nil, nil, nil, nil, nil)
	}},
	{"insert json in Go's ways", func(a *app) {
		for i, value := range []any{preferences{"dark", []int{1}, map[string]any{"x": nil}}, &preferences{Theme: "é\u2028"},
			map[string]string{"k": "v\\u0041"}, []string{"a", "b"}, 12, 1.5, true, "\"quoted\"", json.Number("1e2"),
			json.RawMessage(`{"z": {"y": 1}}`)} {
			a.query(fmt.Sprint("json ", i), a.conn, "INSERT INTO customers (name, email, prefs, raw, balance) VALUES ($1, $2, $3, $4, 0) RETURNING prefs, raw",
				fmt.Sprint("Json ", i), fmt.Sprint("json", i, "@", report.Marker), value, value)
		}
	}},
	{"insert Go's own types", func(a *app) {
		type text string
		type number int
		a.query("named types", a.conn, "INSERT INTO customers (name, email, visits, points, balance) VALUES ($1, $2, $3, $4, 0) RETURNING email, visits, points",
			"Own", text("own@"+report.Marker), number(5), number(6))
		_, network, err := net.ParseCIDR("10.20.0.0/16")
		check(err)
		a.query("net.IPNet", a.conn, "INSERT INTO customers (name, email, address, balance) VALUES ($1, $2, $3, 0) RETURNING address", "Net", "net@"+report.Marker, *network)
		a.query("net.IP", a.conn, "INSERT INTO customers (name, email, address, balance) VALUES ($1, $2, $3, 0) RETURNING address", "Ip", "ip@"+report.Marker, net.ParseIP("10.0.0.1"))
		a.query("stringer", a.conn, "INSERT INTO customers (name, email, balance) VALUES ($1, $2, $3) RETURNING balance", "Big", "big@"+report.Marker, pgtype.Numeric{Int: big.NewInt(15), Exp: -1, Valid: true})
		a.query("time for a date", a.conn, "INSERT INTO customers (name, email, birth, balance) VALUES ($1, $2, $3, 0) RETURNING birth", "Time", "time@"+report.Marker, seen)
		a.query("duration", a.conn, "INSERT INTO customers (name, email, opens, balance) VALUES ($1, $2, $3, 0) RETURNING opens", "Dur", "dur@"+report.Marker, "10:11")
	}},
	{"insert with named arguments", func(a *app) {
		a.query("named", a.conn, "INSERT INTO customers (name, email, visits, phone, balance) VALUES (@name, @email, @visits, @phone, 0) RETURNING id, email",
			pgx.NamedArgs{"name": "Fay", "email": "Fay@" + report.Marker, "visits": 3, "phone": "30"})
		a.query("strict", a.conn, "SELECT name FROM customers WHERE email = @email", pgx.StrictNamedArgs{"email": "Fay@" + report.Marker})
		a.query("strict, one too many", a.conn, "SELECT name FROM customers WHERE email = @email", pgx.StrictNamedArgs{"email": "fay", "x": 1})
	}},
	{"insert orders", func(a *app) {
		for i, card := range []string{"4111", "5500", "4111", "3400"} {
			a.query(card, a.conn, "INSERT INTO orders (customer_id, card, amount, note) VALUES ($1, $2, $3, $4) RETURNING id, card, amount, note",
				i%2+1, card+report.Marker, pgtype.Numeric{Int: big.NewInt(int64(i*1000 + 5)), Exp: -2, Valid: true}, "note "+report.Marker)
		}
		a.query("several rows", a.conn, `INSERT INTO orders (customer_id, card, amount, status) VALUES ($1, $2, $3, 'paid'), ($4, $5, $6, DEFAULT)
			RETURNING *`, 1, "m1"+report.Marker, "1.10", 2, "m2"+report.Marker, "2")
	}},
	{"unicode", func(a *app) {
		for i, text := range []string{"日本語", "👩‍👩‍👧", "İstanbul ß ǅ", "a\u0301", "\u202e rtl", "tab\tnew\nline\\ ' \" $1 ;--"} {
			a.query(fmt.Sprint(i), a.conn, "INSERT INTO customers (name, email, phone, balance) VALUES ($1, $2, $3, 0) RETURNING name, email, phone",
				text, fmt.Sprint(text, i, "@", report.Marker), text)
			a.query(fmt.Sprint(i, " found"), a.conn, "SELECT name, email FROM customers WHERE phone = $1", text)
		}
		a.query("nul", a.conn, "INSERT INTO customers (name, email, balance) VALUES ('nul', $1, 0)", "a\x00b")
		a.query("not utf-8", a.conn, "INSERT INTO customers (name, email, balance) VALUES ('bad', $1, 0)", "a\xffb")
	}},
	{"large values", func(a *app) {
		text := strings.Repeat("0123456789abcdeé", 1<<16)
		a.query("text", a.conn, "INSERT INTO orders (customer_id, card, amount, note) VALUES (1, $1, 1, $2) RETURNING card, note", "large"+report.Marker, text)
		a.query("bytea", a.conn, "UPDATE customers SET photo = $1 WHERE name = 'Ada' RETURNING photo", []byte(text))
		a.query("both back", a.conn, "SELECT o.note, c.photo FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.card = $1", "large"+report.Marker)
		a.exec("shorter again", a.conn, "UPDATE customers SET photo = $1 WHERE name = 'Ada'", []byte{1, 2, 3})
	}},
}
