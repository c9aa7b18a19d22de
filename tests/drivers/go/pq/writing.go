package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/lib/pq"

	"pgveil-driver-tests/report"
)

const allColumns = `name, email, ssn, phone, birth, balance, visits, points, level, vip, score, seen, local_time, opens, token, photo, prefs, raw, address`

const insertCustomer = "INSERT INTO customers (" + allColumns + `)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) RETURNING id, created`

const insertShort = "INSERT INTO customers (name, email, visits, balance) VALUES ($1, $2, $3, 0)"

const insertOrder = "INSERT INTO orders (customer_id, card, amount, note) VALUES ($1, $2, $3, $4)"

const token = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

var (
	birth = time.Date(1815, 12, 10, 0, 0, 0, 0, time.UTC)
	seen  = time.Date(2024, 6, 1, 12, 30, 15, 123456000, time.FixedZone("", 2*60*60))
	local = time.Date(2024, 6, 1, 7, 0, 0, 500000000, time.UTC)
)

func mail(name string) string { return name + "@" + report.Marker }

var writing = []testCase{
	{"connected", func(a *app) {
		a.steps.Note("ping", "", a.db.PingContext(a.ctx))
		a.query("settings", a.db, "SELECT current_setting('TimeZone'), current_setting('DateStyle'), current_setting('client_encoding'), current_user")
	}},
	{"insert natural values", func(a *app) {
		prefs, err := json.Marshal(map[string]any{"theme": "dark " + report.Marker})
		check(err)
		a.query("ada", a.db, insertCustomer, "Ada", mail("ada"), report.Marker+"-1", "+49 "+report.Marker, birth, "1234.56", 12, int64(1)<<40, int16(3),
			true, 2.5, seen, local, "09:00:00.25", token, []byte{0, 1, 0xff, '\\'}, string(prefs), string(prefs), "10.1.2.3/24")
	}},
	{"insert nulls", func(a *app) {
		a.query("bob", a.db, insertCustomer, "Bob", mail("bob"), nil, nil, nil, 0, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
		a.query("cid", a.db, insertCustomer, "Cid", mail("cid"), sql.NullString{}, (*string)(nil), pq.NullTime{}, 0.0, sql.NullInt32{}, sql.NullInt64{},
			sql.NullInt16{}, sql.NullBool{}, sql.NullFloat64{}, sql.NullTime{}, sql.Null[time.Time]{}, nil, sql.NullString{}, []byte(nil),
			sql.NullString{}, json.RawMessage(nil), nil)
	}},
	{"insert database/sql's values", func(a *app) {
		a.query("dan", a.db, insertCustomer, "Dan", sql.NullString{String: mail("dan"), Valid: true}, "5  ", "30", sql.NullTime{Time: birth, Valid: true},
			json.Number("-77.10"), sql.NullInt32{Int32: 44, Valid: true}, sql.NullInt64{Int64: 55, Valid: true}, sql.NullInt16{Int16: 6, Valid: true},
			sql.NullBool{Bool: false, Valid: true}, sql.NullFloat64{Float64: 1e-3, Valid: true}, pq.NullTime{Time: seen, Valid: true}, local,
			"23:59:59.999999", strings.ToUpper(token), []byte{}, `{"a":  1}`, `{"a":  1}`, "::1")
	}},
	{"insert edges", func(a *app) {
		a.query("max", a.db, insertCustomer, "Max", mail("max"), "99999999999", strings.Repeat("é", 300), "infinity", "NaN", math.MaxInt32, math.MaxInt64,
			math.MaxInt16, "t", math.NaN(), "infinity", "-infinity", "24:00", "00000000-0000-0000-0000-000000000000", []byte(strings.Repeat("\x00\xff", 99)),
			"{}", "null", "2001:db8::ff")
		a.query("min", a.db, insertCustomer, "Min", mail("min"), "", "", "4713-01-01 BC", "-9999999999.99", math.MinInt32, int64(math.MinInt64), math.MinInt16,
			"off", math.Inf(-1), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), "00:00", token, []byte{0},
			"null", `""`, "0.0.0.0/0")
		a.exec("rounded", a.db, "INSERT INTO customers (name, email, balance, score) VALUES ($1, $2, $3, $4)", "Rounded", mail("rounded"), 10.005, 0.1+0.2)
		a.exec("text for numbers", a.db, "INSERT INTO customers (name, email, balance, visits, birth) VALUES ($1, $2, $3, $4, $5)", "Text", mail("text"), "1e2", " 7 ", "2001-2-3")
		a.exec("date from a time with zone", a.db, "INSERT INTO customers (name, email, balance, birth, local_time) VALUES ($1, $2, $3, $4, $5)", "Zone", mail("zone"), 1, seen, seen)
	}},
	{"insert orders", func(a *app) {
		for i, card := range []string{"4111", "5500", "4111", "3400"} {
			a.exec(card, a.db, insertOrder, i%2+1, card+report.Marker, fmt.Sprint(i, ".05"), "note "+report.Marker)
		}
		a.query("several rows", a.db, "INSERT INTO orders (customer_id, card, amount, status) VALUES ($1, $2, $3, 'paid'), ($4, $5, $6, DEFAULT) RETURNING *",
			1, "m1"+report.Marker, "1.10", 2, "m2"+report.Marker, 2)
	}},
	{"unicode and large values", func(a *app) {
		for i, text := range []string{"日本語", "👩‍👩‍👧", "İstanbul ß", "tab\tnew\nline\\ ' \" $1 ;--"} {
			a.query(fmt.Sprint(i), a.db, "INSERT INTO orders (customer_id, card, amount, note) VALUES (2, $1, 1, $2) RETURNING card, note", text+report.Marker, text)
			a.query("found", a.db, "SELECT card, note FROM orders WHERE card = $1", text+report.Marker)
		}
		large := strings.Repeat("0123456789abcdeé", 1<<16)
		a.query("text", a.db, insertOrder+" RETURNING card, note", 1, "large"+report.Marker, 1, large)
		a.query("bytea", a.db, "UPDATE customers SET photo = $1 WHERE name = 'Ada' RETURNING photo", []byte(large))
		a.exec("nul", a.db, insertShort, "nul", "a\x00b", 1)
		a.exec("not utf-8", a.db, insertShort, "bad", "a\xffb", 1)
	}},
	{"update", func(a *app) {
		a.query("returning", a.db, "UPDATE customers SET visits = $1, phone = $2, birth = $3 WHERE email = $4 RETURNING id, visits, phone, birth", 99, "new "+report.Marker, birth, mail("bob"))
		a.exec("none", a.db, "UPDATE customers SET visits = $1 WHERE email = $2", 1, "nobody")
		a.exec("to null", a.db, "UPDATE customers SET points = NULL, photo = $1 WHERE visits = $2", nil, 99)
		a.exec("from", a.db, "UPDATE orders o SET note = $1 FROM customers c WHERE c.id = o.customer_id AND c.email = $2", "from "+report.Marker, mail("ada"))
	}},
	{"upsert", func(a *app) {
		const upsert = `INSERT INTO customers (name, email, phone, visits, balance) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name, phone = EXCLUDED.phone, visits = EXCLUDED.visits, balance = EXCLUDED.balance
			RETURNING id, name, phone, visits, balance`
		a.query("new", a.db, upsert, "Gus", mail("gus"), "1", 1, 1)
		a.query("existing", a.db, upsert, "Gustav", mail("gus"), "2", 2, "2.5")
		a.exec("nothing", a.db, insertShort+" ON CONFLICT DO NOTHING", "No", mail("gus"), 1)
	}},
	{"delete", func(a *app) {
		a.query("returning", a.db, "DELETE FROM orders WHERE card = $1 RETURNING id, card, amount", "m2"+report.Marker)
		a.exec("none", a.db, "DELETE FROM orders WHERE card = $1", "m2"+report.Marker)
	}},
	{"COPY in", func(a *app) {
		a.copyIn("CopyIn", pq.CopyIn("customers", strings.Split(allColumns, ", ")...), [][]any{
			{"Copy 1", mail("copy1"), "7", "p" + report.Marker, birth, "7.5", 7, int64(8), 9, true, 0.1, seen, local, "10:00", token, []byte{1, 0, '\\'}, `{"i": 1}`, `[1,  2]`, "10.0.0.1"},
			{"Copy 2", mail("copy2"), nil, nil, nil, 0, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil},
			{"Copy 3", mail("copy3"), "", "tab\t\\N\nline", "1999-12-31", "-1", -7, -8, -9, false, math.Inf(1), "infinity", "2000-01-01", "00:00", strings.ToUpper(token), []byte{}, `"x"`, "1", "::1/64"}})
		a.query("back", a.db, "SELECT "+allColumns+" FROM customers WHERE name LIKE 'Copy%' ORDER BY id")
		a.query("found", a.db, "SELECT name FROM customers WHERE email = $1", mail("copy2"))
		var many [][]any
		for i := range 2000 {
			many = append(many, []any{2, fmt.Sprint("bulk", i, report.Marker), i, nil})
		}
		a.copyIn("many", "COPY orders (customer_id, card, amount, note) FROM STDIN", many)
		a.query("one of them", a.db, "SELECT card, amount FROM orders WHERE card = $1", "bulk1234"+report.Marker)
		a.copyIn("in a schema", pq.CopyInSchema("public", "events", "kind", "at"), [][]any{{"copied", seen}, {"copied", nil}})
	}},
	{"COPY in with errors", func(a *app) {
		a.copyIn("unique", pq.CopyIn("customers", "name", "email", "balance"), [][]any{{"Again", mail("copy1"), 1}})
		a.copyIn("not null", pq.CopyIn("customers", "name", "email", "balance"), [][]any{{"Null", nil, 1}})
		a.copyIn("wrong type", pq.CopyIn("customers", "name", "email", "balance", "visits"), [][]any{{"Bad", mail("bad"), 1, "x"}})
		a.copyIn("too long", pq.CopyIn("customers", "name", "email", "balance", "ssn"), [][]any{{"Bad", mail("bad"), 1, "123456789012"}})
		a.copyIn("no column", pq.CopyIn("customers", "name", "nothing"), nil)
		a.query("going on", a.db, "SELECT count(*) FROM customers")
	}},
	{"COPY out", func(a *app) { a.exec("not in lib/pq", a.db, "COPY orders (card) TO STDOUT") }},
}

func (a *app) copyIn(label, query string, rows [][]any) {
	tx, err := a.db.BeginTx(a.ctx, nil)
	check(err)
	defer tx.Rollback()
	statement, err := tx.PrepareContext(a.ctx, query)
	if err != nil {
		a.steps.Note(label, nil, err)
		return
	}
	for _, row := range rows {
		if _, err := statement.ExecContext(a.ctx, row...); err != nil {
			a.steps.Note(label+" row", nil, err)
			return
		}
	}
	result, err := statement.ExecContext(a.ctx)
	if err != nil {
		a.steps.Note(label+" end", nil, err)
		return
	}
	count, err := result.RowsAffected()
	a.steps.Note(label, count, err)
	a.steps.Note(label+" closed", nil, statement.Close())
	a.steps.Note(label+" committed", nil, tx.Commit())
}
