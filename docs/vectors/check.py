#!/usr/bin/env python3
"""Recomputes envelope.json from docs/envelope.md alone. Needs: pip install cryptography"""
import hashlib, hmac, json, pathlib, struct
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SUITES = {"aes-256-gcm": (1, AESGCM), "aes-256-gcm-siv": (2, AESGCMSIV)}

def hkdf(ikm, info):
    return HKDF(SHA256(), 32, None, info).derive(ikm)

def column_id(identity):
    return hashlib.sha256(b"pgveil column" + identity.encode()).digest()[:16]

def column_key(dek, identity):
    return hkdf(dek, b"pgveil aead" + column_id(identity))

def index_key(root, domain, tenant, version):
    lp = lambda b: struct.pack(">I", len(b)) + b
    return hkdf(root, b"eq" + lp(domain.encode()) + lp(tenant.encode()) + struct.pack(">I", version))

def aad(head, identity, tenant):
    tenant = tenant.encode()
    return b"pv1" + head + column_id(identity) + struct.pack(">H", len(tenant)) + tenant

def padded_len(n, padding):
    e = n.bit_length() - 1
    unit = 1 << (e - e.bit_length()) if padding == "padme" else padding
    return -(-n // unit) * unit

def inner(kind, canon, padding):
    if padding == "none":
        return bytes([kind]) + canon
    text = bytes([kind | 0x80]) + canon + b"\x80"
    return text.ljust(padded_len(len(text), padding), b"\0")

def head(cipher, dek_id, token):
    return b"\xff\x70\x76" + bytes([SUITES[cipher][0] << 4 | (token is not None)]) + dek_id + (token or b"")

def opens(stored, dek, dek_id, identity, tenant):
    """None, or why not. Lets through what is authentic but malformed inside."""
    if stored[:3] != b"\xff\x70\x76":
        return "not_an_envelope"
    suite, segments, end = stored[3] >> 4, stored[3] & 15, 8 + 16 * (stored[3] & 15)
    if suite not in (1, 2) or segments > 1 or stored[4:8] == bytes(4):
        return "unknown_layout"
    if len(stored) < end + 12 + 1 + 16:
        return "truncated"
    aead = SUITES[[*SUITES][suite - 1]][1](column_key(dek, identity))
    try:
        text = aead.decrypt(stored[end:end + 12], stored[end + 12:], aad(stored[:end], identity, tenant))
    except InvalidTag:
        return "authentication"
    unpadded = text[1:].rstrip(b"\0")[-1:] == b"\x80" if text[0] & 0x80 else True
    return None if text[0] & 0x7F and unpadded else "contents"

def main():
    v = json.loads(pathlib.Path(__file__).with_name("envelope.json").read_text())
    dek, dek_id, root = (bytes.fromhex(v[k]) for k in ("dek", "dek_id", "index_root"))
    for c in v["columns"]:
        assert (column_id(c["identity"]).hex(), column_key(dek, c["identity"]).hex()) == (c["id"], c["key"]), c
    for t in v["tokens"]:
        key = index_key(root, t["domain"], t["tenant"], t["version"])
        assert (key.hex(), hmac.digest(key, bytes.fromhex(t["canon"]), "sha256")[:16].hex()) == (t["key"], t["token"]), t
    for e in v["envelopes"]:
        tok = e["token"] and bytes.fromhex(e["token"])
        h = head(e["cipher"], dek_id, tok)
        extra, nonce = aad(h, e["identity"], e["tenant"]), bytes.fromhex(e["nonce"])
        text = inner(e["kind"], bytes.fromhex(e["canon"]), e["padding"])
        sealed = SUITES[e["cipher"]][1](column_key(dek, e["identity"])).encrypt(nonce, text, extra)
        assert (extra.hex(), (h + nonce + sealed).hex()) == (e["aad"], e["envelope"]), e["name"]
        assert opens(h + nonce + sealed, dek, dek_id, e["identity"], e["tenant"]) is None, e["name"]
    for r in v["rejected"]:
        assert opens(bytes.fromhex(r["stored"]), dek, dek_id, r["identity"], r["tenant"]) == r["error"], r["name"]
    print("ok:", ", ".join(f"{len(v[k])} {k}" for k in ("columns", "tokens", "envelopes", "rejected")))
if __name__ == "__main__":
    main()
