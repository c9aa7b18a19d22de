// The rows that the Node applications write.
'use strict';

const { MARKER } = require('./report.js');

const COLUMNS = ['id', 'name', 'email', 'ssn', 'phone', 'birth', 'balance', 'visits', 'points', 'level', 'vip', 'score', 'seen', 'local_time',
  'opens', 'token', 'photo', 'prefs', 'raw', 'address', 'created'];

const CREATED = '2024-03-01 10:00:00+00';

/** Every column, in JavaScript's types. */
const people = () => [
  { id: 1, name: 'Ada', email: `Ada.${MARKER}@Example.org`, ssn: `ssn${MARKER}`, phone: `+44 ${MARKER}`, birth: '1815-12-10', balance: '1234.50', visits: 7,
    points: '9007199254740993', level: 3, vip: true, score: 0.1, seen: new Date('2024-02-29T12:30:15.123Z'), local_time: '2024-03-31 02:30:00.000001',
    opens: '08:30:00', token: '6ba7b810-9dad-11d1-80b4-00c04fd430c8', photo: Buffer.from([0, 1, 254, 255, 92, 39]), prefs: { b: [1, 2.50, null], a: 'x', [MARKER]: true },
    raw: `{"b": 1,  "a": "${MARKER}"}`, address: '192.168.0.1', created: CREATED },
  { id: 2, name: 'Bob', email: 'bob@example.org', ssn: null, phone: null, birth: null, balance: '0', visits: null, points: null, level: null, vip: null, score: null,
    seen: null, local_time: null, opens: null, token: null, photo: null, prefs: null, raw: null, address: null, created: CREATED },
  { id: 3, name: 'Zoë – 日本語 🦀', email: 'zoë@例え.jp', ssn: 'äöü', phone: "it's \\ \"q\"\n\t$1 :x ?", birth: '0001-01-01', balance: '-9999999999.99', visits: 2147483647,
    points: '9223372036854775807', level: 32767, vip: false, score: Infinity, seen: new Date('0001-01-02T00:00:00Z'), local_time: '0044-03-15 12:00:00 BC', opens: '24:00:00',
    token: 'ffffffff-ffff-ffff-ffff-ffffffffffff', photo: Buffer.alloc(0), prefs: JSON.stringify(['ü', '\u{1F980}', { deep: { er: [[]] } }]), raw: '"text"', address: '2001:db8::1/64', created: CREATED },
  { id: 4, name: '', email: '', ssn: '', phone: '', birth: 'infinity', balance: 'NaN', visits: -2147483648, points: '-9223372036854775808', level: -32768, vip: false,
    score: NaN, seen: 'infinity', local_time: '-infinity', opens: '00:00:00', token: '00000000-0000-0000-0000-000000000000', photo: Buffer.alloc(3000, 7), prefs: '0', raw: '[]',
    address: '::/0', created: CREATED },
  { id: 5, name: 'Eve', email: 'eve@example.org', ssn: '123456789', phone: '555', birth: new Date('1990-05-06T00:00:00Z'), balance: 12.345, visits: 0, points: 0, level: 0, vip: 'yes',
    score: -0, seen: '2024-05-06 07:08:09.5+02', local_time: new Date('2024-05-06T07:08:09Z'), opens: '23:59:59.999999', token: '{6BA7B8119DAD11D180B400C04FD430C8}',
    photo: '\\x00ff', prefs: '{"n": 1e2}', raw: { typed: 'object' }, address: '10.0.0.0/8', created: CREATED },
];

const orders = () => [
  { customer_id: 1, card: `4111 ${MARKER}`, amount: '19.90', status: 'new', note: `first ${MARKER}` },
  { customer_id: 1, card: '4222', amount: '0.10', status: 'paid', note: null },
  { customer_id: 3, card: '4333', amount: '-5', status: 'paid', note: 'ünï 🦀' },
  { customer_id: 3, card: '4111', amount: '19.9', status: 'new', note: '' },
];

module.exports = { COLUMNS, CREATED, orders, people };
