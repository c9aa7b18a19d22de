//! What is authenticated beside the ciphertext.

use super::ColumnId;

const VERSION: &[u8] = b"pv1";

/// Calls `then` with "pv1" ‖ head ‖ column id ‖ tenant length (u16 big endian) ‖ tenant. None if the
/// tenant is longer than its length field can say.
///
/// A callback, since the bytes live on the stack (unless the tenant's name is very long): nothing is
/// allocated per value.
pub(super) fn with_aad<R>(head: &[u8], column: &ColumnId, tenant: &[u8], then: impl FnOnce(&[u8]) -> R) -> Option<R> {
    // Without a tenant, by far the most, lengths are known to the compiler, which copies without calls.
    if tenant.is_empty() {
        if let Ok(head) = head.try_into() {
            return Some(then(&without_tenant::<8, 29>(head, column)));
        }
        if let Ok(head) = head.try_into() {
            return Some(then(&without_tenant::<24, 45>(head, column)));
        }
    }
    let tenant_len = u16::try_from(tenant.len()).ok()?.to_be_bytes();
    let parts = [VERSION, head, &column.0, &tenant_len, tenant];
    let mut stack = [0; 128];
    let mut rest = stack.as_mut_slice();
    for part in parts {
        let Some((here, after)) = rest.split_at_mut_checked(part.len()) else {
            return Some(then(&parts.concat()));
        };
        here.copy_from_slice(part);
        rest = after;
    }
    let unused = rest.len();
    let used = stack.len() - unused;
    Some(then(&stack[..used]))
}

/// For heads without and with a token. `AAD` is 21 more than `HEAD`.
fn without_tenant<const HEAD: usize, const AAD: usize>(head: &[u8; HEAD], column: &ColumnId) -> [u8; AAD] {
    let mut aad = [0; AAD];
    aad[..3].copy_from_slice(VERSION);
    aad[3..3 + HEAD].copy_from_slice(head);
    aad[3 + HEAD..19 + HEAD].copy_from_slice(&column.0);
    aad
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_in_order_short_and_long() {
        for len in [0, 1, 82, 83, 84, 85, 255, 256, 65_535] {
            let tenant = vec![b't'; len];
            let expected =
                [b"pv1".as_slice(), &[1; 24], &[2; 16], &[(len >> 8) as u8, len as u8], tenant.as_slice()].concat();
            assert!(with_aad(&[1; 24], &ColumnId([2; 16]), &tenant, |aad| aad == expected).unwrap_or(false), "{len}");
        }
        let expected = [b"pv1".as_slice(), &[1; 8], &[2; 16], &[0; 2]].concat();
        assert_eq!(with_aad(&[1; 8], &ColumnId([2; 16]), b"", |aad| aad == expected), Some(true));
        assert_eq!(with_aad(&[1; 24], &ColumnId([2; 16]), &vec![b't'; 65_536], <[u8]>::len), None);
    }
}
