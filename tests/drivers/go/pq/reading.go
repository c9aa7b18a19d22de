package main

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"

	"pgveil-driver-tests/report"
)

type customer struct {
	ID        int
	Name      string
	Email     string
	SSN       sql.NullString
	Phone     *string
	Birth     sql.NullTime
	Balance   string
	Visits    sql.NullInt32
	Points    *int64
	Level     sql.NullInt16
	VIP       sql.NullBool
	Score     sql.NullFloat64
	Seen      pq.NullTime
	LocalTime *time.Time
	Opens     sql.NullString
	Token     *string
	Photo     []byte
	Prefs     []byte
	Raw       sql.RawBytes
	Address   *string
	Created   time.Time
}

func (c *customer) scan(rows interface{ Scan(...any) error }) error {
	return rows.Scan(&c.ID, &c.Name, &c.Email, &c.SSN, &c.Phone, &c.Birth, &c.Balance, &c.Visits, &c.Points, &c.Level, &c.VIP, &c.Score, &c.Seen,
		&c.LocalTime, &c.Opens, &c.Token, &c.Photo, &c.Prefs, &c.Raw, &c.Address, &c.Created)
}

var reading = []testCase{
	{"read all", func(a *app) { a.query("customers", a.db, "SELECT * FROM customers ORDER BY id") }},
	{"read all with an argument", func(a *app) {
		a.query("customers", a.db, "SELECT * FROM customers WHERE id > $1 ORDER BY id", 0)
	}},
	{"read struct", func(a *app) {
		rows, err := a.db.QueryContext(a.ctx, "SELECT * FROM customers WHERE name IN ('Ada', 'Bob', 'Dan') ORDER BY id")
		check(err)
		defer rows.Close()
		for rows.Next() {
			var c customer
			err := c.scan(rows)
			a.steps.Note("customer", c, err)
		}
		a.steps.Note("done", nil, rows.Err())
	}},
	{"find", func(a *app) {
		a.query("email", a.db, "SELECT id, name FROM customers WHERE email = $1", mail("ada"))
		a.query("ssn", a.db, "SELECT id, name, ssn FROM customers WHERE ssn = $1", "5")
		a.query("phone", a.db, "SELECT id, name FROM customers WHERE phone = $1", "30")
		a.query("birth", a.db, "SELECT id, name FROM customers WHERE birth = $1 ORDER BY id", birth)
		a.query("birth as text", a.db, "SELECT id, name FROM customers WHERE birth = $1 ORDER BY id", "1815-12-10")
		a.query("visits", a.db, "SELECT id, name FROM customers WHERE visits = $1", 44)
		a.query("visits as text", a.db, "SELECT id, name FROM customers WHERE visits = $1", "44")
		a.query("seen", a.db, "SELECT id, name FROM customers WHERE seen = $1 ORDER BY id", seen)
		a.query("token", a.db, "SELECT id, name FROM customers WHERE token = $1 ORDER BY id", token)
		a.query("nobody", a.db, "SELECT id FROM customers WHERE email = $1", "nobody")
		a.query("null", a.db, "SELECT id FROM customers WHERE email = $1", nil)
		var name string
		a.steps.Note("no row", name, a.db.QueryRowContext(a.ctx, "SELECT name FROM customers WHERE email = $1", "nobody").Scan(&name))
		a.query("literal", a.db, "SELECT name FROM customers WHERE email = "+pq.QuoteLiteral(mail("bob")))
	}},
	{"find in lists", func(a *app) {
		a.query("in", a.db, "SELECT name FROM customers WHERE email IN ($1, $2) ORDER BY id", mail("bob"), mail("dan"))
		a.query("texts", a.db, "SELECT name FROM customers WHERE phone = ANY($1) ORDER BY id", pq.Array([]string{"30", "new " + report.Marker, "a,\"b\\"}))
		a.query("emails", a.db, "SELECT name FROM customers WHERE email = ANY($1) ORDER BY id", pq.StringArray{mail("bob"), mail("ada")})
		a.query("numbers", a.db, "SELECT name FROM customers WHERE visits = ANY($1) ORDER BY id", pq.Int64Array{12, 44})
		a.query("more numbers", a.db, "SELECT name FROM customers WHERE visits = ANY($1::int[]) ORDER BY id", pq.Array([]int64{12, 44}))
		a.query("dates", a.db, "SELECT name FROM customers WHERE birth = ANY($1::date[]) ORDER BY id", pq.Array([]string{"1815-12-10"}))
		a.query("uuids", a.db, "SELECT name FROM customers WHERE token = ANY($1) ORDER BY id", pq.Array([]string{token}))
		a.query("empty", a.db, "SELECT name FROM customers WHERE phone = ANY($1) ORDER BY id", pq.Array([]string{}))
		a.query("null", a.db, "SELECT name FROM customers WHERE phone = ANY($1) ORDER BY id", pq.Array([]*string{nil}))
	}},
	{"joins", func(a *app) {
		a.query("orders", a.db, "SELECT c.name, c.email, o.card, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = $1 ORDER BY o.id", mail("ada"))
		a.query("same card", a.db, "SELECT a.id, b.id, a.card FROM orders a JOIN orders b ON a.card = b.card AND a.id < b.id ORDER BY a.id, b.id")
		a.query("counts", a.db, "SELECT status, count(*), count(DISTINCT card) FROM orders GROUP BY status ORDER BY status")
	}},
	{"arrays back", func(a *app) {
		var numbers []int64
		var texts []string
		err := a.db.QueryRowContext(a.ctx, "SELECT ARRAY[1, 2], ARRAY['a', 'b,c']").Scan(pq.Array(&numbers), pq.Array(&texts))
		a.steps.Note("plain", []any{numbers, texts}, err)
	}},
	{"array of a sealed column", func(a *app) {
		var texts []string
		err := a.db.QueryRowContext(a.ctx, "SELECT array_agg(email) FROM customers WHERE email = $1", mail("ada")).Scan(pq.Array(&texts))
		a.steps.Note("emails", texts, err)
	}},
	{"several results", func(a *app) {
		a.query("results", a.db, "SELECT name, email FROM customers WHERE id <= 2 ORDER BY id; SELECT card, amount FROM orders WHERE id <= 2 ORDER BY id; SELECT 1/0")
		a.query("going on", a.db, "SELECT email FROM customers WHERE visits = $1", 44)
	}},
	{"stop early", func(a *app) {
		rows, err := a.db.QueryContext(a.ctx, "SELECT email FROM customers ORDER BY id")
		check(err)
		a.steps.Note("next", rows.Next(), nil)
		a.steps.Note("closed", nil, rows.Close())
		a.query("going on", a.db, "SELECT email FROM customers WHERE visits = $1", 44)
	}},
	{"settings of time", func(a *app) {
		conn, err := a.db.Conn(a.ctx)
		check(err)
		defer conn.Close()
		for _, setting := range []string{"TimeZone = 'America/New_York'", "TimeZone = 'Europe/Berlin'", "bytea_output = 'escape'", "extra_float_digits = 0", "DateStyle = 'ISO, DMY'"} {
			a.exec(setting, conn, "SET "+setting)
			a.query("values", conn, "SELECT birth, seen, local_time, opens, score, created FROM customers WHERE name IN ('Ada', 'Dan') ORDER BY id")
			a.query("with an argument", conn, "SELECT birth, seen, local_time, photo FROM customers WHERE visits = $1", 44)
			a.query("dates", conn, "UPDATE customers SET birth = $1, seen = $2 WHERE name = 'Bob' RETURNING birth, seen", "01/02/2003", "2003-01-02 10:00")
		}
		a.exec("reset", conn, "RESET ALL")
	}},
	{"date styles", func(a *app) {
		conn, err := a.db.Conn(a.ctx)
		check(err)
		defer conn.Close()
		for _, style := range []string{"German", "SQL", "Postgres, DMY"} {
			a.exec(style, conn, "SET DateStyle = '"+style+"'")
			rows, err := conn.QueryContext(a.ctx, "SELECT 1 FROM customers WHERE birth = $1 ORDER BY id", birth)
			check(err)
			a.rows(style, rows)
			var text string
			a.steps.Note("plain", text, conn.QueryRowContext(a.ctx, "SELECT to_char(created, 'DD.MM.YYYY') FROM customers WHERE email = $1", mail("ada")).Scan(&text))
		}
		a.exec("reset", conn, "RESET ALL")
	}},
	{"many rows", func(a *app) {
		rows, err := a.db.QueryContext(a.ctx, "SELECT card, amount FROM orders WHERE customer_id = $1 ORDER BY id", 2)
		check(err)
		defer rows.Close()
		count, last := 0, ""
		for rows.Next() {
			var amount float64
			check(rows.Scan(&last, &amount))
			count++
		}
		a.steps.Note("rows", fmt.Sprint(count, last), rows.Err())
	}},
}
