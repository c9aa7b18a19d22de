package main

import (
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"pgveil-driver-tests/report"
)

var finding = []testCase{
	{"find by one value", func(a *app) {
		a.query("email", a.conn, "SELECT id, name FROM customers WHERE email = $1", mail)
		a.query("ssn", a.conn, "SELECT id, name FROM customers WHERE ssn = $1", ssn)
		a.query("padded ssn", a.conn, "SELECT id, name, ssn FROM customers WHERE ssn = $1", "5   ")
		a.query("phone", a.conn, "SELECT id, name FROM customers WHERE phone = $1", phone)
		a.query("birth", a.conn, "SELECT id, name FROM customers WHERE birth = $1 ORDER BY id", birth)
		a.query("birth as pgtype", a.conn, "SELECT id, name FROM customers WHERE birth = $1 ORDER BY id", pgtype.Date{Time: birth, Valid: true})
		a.query("birth with cast", a.conn, "SELECT id, name FROM customers WHERE birth = $1::date ORDER BY id", "1815-12-10")
		a.query("visits", a.conn, "SELECT id, name FROM customers WHERE visits = $1", 12)
		a.query("visits as int64", a.conn, "SELECT id, name FROM customers WHERE visits = $1", int64(12))
		a.query("seen", a.conn, "SELECT id, name FROM customers WHERE seen = $1 ORDER BY id", seen)
		a.query("token", a.conn, "SELECT id, name FROM customers WHERE token = $1 ORDER BY id", token)
		a.query("token as text", a.conn, "SELECT id, name FROM customers WHERE token = $1::uuid ORDER BY id", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
		a.query("nothing", a.conn, "SELECT id, name FROM customers WHERE email = $1", "nobody")
		a.query("null", a.conn, "SELECT id, name FROM customers WHERE email = $1", nil)
		a.query("is null", a.conn, "SELECT id, name FROM customers WHERE phone IS NULL AND photo IS NULL ORDER BY id")
		var name string
		a.steps.Note("no row", name, a.conn.QueryRow(a.ctx, "SELECT name FROM customers WHERE email = $1", "nobody").Scan(&name))
		a.query("not", a.conn, "SELECT name FROM customers WHERE visits <> $1 ORDER BY id", 12)
		a.query("distinct", a.conn, "SELECT name FROM customers WHERE visits IS DISTINCT FROM $1 ORDER BY id", 12)
	}},
	{"find by literals", func(a *app) {
		a.query("email", a.conn, "SELECT id, name, email FROM customers WHERE email = 'bob@"+report.Marker+"'")
		a.query("email and visits", a.conn, "SELECT id FROM customers WHERE email = 'eve@"+report.Marker+"' AND visits = 44")
		a.query("birth", a.conn, "SELECT id FROM customers WHERE birth = '2001-02-03'")
	}},
	{"find in lists", func(a *app) {
		a.query("in", a.conn, "SELECT id, name FROM customers WHERE email IN ($1, $2, $3) ORDER BY id", "bob@"+report.Marker, "eve@"+report.Marker, "x")
		a.query("not in", a.conn, "SELECT id, name FROM customers WHERE visits NOT IN ($1, $2) ORDER BY id", 44, 12)
		a.query("any of texts", a.conn, "SELECT id, name FROM customers WHERE phone = ANY($1::text[]) ORDER BY id", []string{phone, "30", "none"})
		a.query("any of varchar", a.conn, "SELECT id, name FROM customers WHERE email = ANY($1) ORDER BY id", []string{"bob@" + report.Marker, "none"})
		a.query("any of numbers", a.conn, "SELECT id, name FROM customers WHERE visits = ANY($1) ORDER BY id", []int32{44, 12, -7})
		a.query("any of dates", a.conn, "SELECT id, name FROM customers WHERE birth = ANY($1::date[]) ORDER BY id", []time.Time{birth})
		a.query("any of pgtype dates", a.conn, "SELECT id, name FROM customers WHERE birth = ANY($1) ORDER BY id", pgtype.FlatArray[pgtype.Date]{{Time: birth, Valid: true}})
		a.query("any of uuids", a.conn, "SELECT id, name FROM customers WHERE token = ANY($1) ORDER BY id", []pgtype.UUID{{Bytes: token, Valid: true}})
		a.query("empty", a.conn, "SELECT id, name FROM customers WHERE phone = ANY($1) ORDER BY id", []string{})
		a.query("null in it", a.conn, "SELECT id, name FROM customers WHERE phone = ANY($1) ORDER BY id", []*string{nil})
		a.query("null", a.conn, "SELECT id, name FROM customers WHERE phone = ANY($1) ORDER BY id", []string(nil))
	}},
	{"find by joins", func(a *app) {
		a.query("customer's orders", a.conn, `SELECT c.name, c.email, o.card, o.amount, o.status FROM customers c JOIN orders o ON o.customer_id = c.id
			WHERE c.email = $1 ORDER BY o.id`, mail)
		a.query("left join", a.conn, "SELECT c.name, c.phone, o.card FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.card = $1 ORDER BY c.id, o.id", "4111"+report.Marker)
		a.query("same card", a.conn, "SELECT a.id, b.id, a.card FROM orders a JOIN orders b ON a.card = b.card AND a.id < b.id ORDER BY a.id, b.id")
		a.query("subselect", a.conn, "SELECT name, email FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE amount = $1) ORDER BY id", numeric("0.05"))
		a.query("exists", a.conn, "SELECT name FROM customers c WHERE EXISTS (SELECT FROM orders o WHERE o.customer_id = c.id AND o.card = $1) ORDER BY id", "3400"+report.Marker)
		a.query("cte", a.conn, "WITH found AS (SELECT id, email FROM customers WHERE visits = $1) SELECT f.email, o.card FROM found f LEFT JOIN orders o ON o.customer_id = f.id ORDER BY f.id, o.id", 12)
	}},
	{"count and group", func(a *app) {
		a.query("count", a.conn, "SELECT count(*), count(phone), count(DISTINCT visits) FROM customers")
		a.query("group", a.conn, "SELECT status, count(*) FROM orders GROUP BY status ORDER BY status")
		a.query("by card", a.conn, "SELECT card, count(*) FROM orders GROUP BY card HAVING count(*) > 1")
		a.query("page", a.conn, "SELECT id, email FROM customers ORDER BY id LIMIT $1 OFFSET $2", 2, 3)
		a.query("distinct", a.conn, "SELECT count(*) FROM (SELECT DISTINCT card FROM orders) d")
	}},
	{"optional filters", func(a *app) {
		const sql = "SELECT name FROM customers WHERE ($1::text IS NULL OR phone = $1) AND ($2::int IS NULL OR visits = $2) ORDER BY id"
		a.query("none", a.conn, sql, nil, nil)
		a.query("phone", a.conn, sql, phone, nil)
		a.query("both", a.conn, sql, phone, 12)
	}},
	{"address", func(a *app) {
		a.query("read", a.conn, "SELECT name, address FROM customers WHERE address IS NOT NULL ORDER BY id")
		a.query("set", a.conn, "UPDATE customers SET address = $1 WHERE email = $2 RETURNING address", netip.MustParseAddr("10.9.8.7"), "bob@"+report.Marker)
	}},
}
