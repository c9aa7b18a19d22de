package main

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgveil-driver-tests/report"
)

var copied = []string{"name", "email", "ssn", "phone", "birth", "balance", "visits", "points", "level", "vip", "score", "seen", "local_time",
	"opens", "token", "photo", "prefs", "raw", "address"}

const copiedColumns = "name, email, ssn, phone, birth, balance, visits, points, level, vip, score, seen, local_time, opens, token, photo, prefs, raw, address"

func copyRows(count int, prefix string) [][]any {
	var rows [][]any
	for i := range count {
		row := []any{fmt.Sprint("Copy ", i), fmt.Sprint(prefix, i, "@", report.Marker), fmt.Sprint(i), "p" + report.Marker, birth.AddDate(0, 0, i), numeric(fmt.Sprint(i, ".5")),
			int32(i), int64(i), int16(i), i%2 == 0, float64(i) / 3, seen.Add(time.Duration(i) * time.Hour), local, opens, token, []byte{byte(i), 0},
			map[string]any{"i": i}, []byte(`{"x":  1}`), "10.0.0.1"}
		if i%3 == 2 {
			for column := 2; column < len(row); column++ {
				if copied[column] != "balance" {
					row[column] = nil
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func (a *app) copyTo(label, sql string) []byte {
	var out bytes.Buffer
	tag, err := a.conn.PgConn().CopyTo(a.ctx, &out, sql)
	a.steps.Note(label, []any{out.Bytes(), tag.String()}, err)
	return out.Bytes()
}

// A table comes in no particular order: its lines are sorted.
func (a *app) copyTable(label, sql string) {
	var out bytes.Buffer
	tag, err := a.conn.PgConn().CopyTo(a.ctx, &out, sql)
	lines := strings.Split(out.String(), "\n")
	sort.Strings(lines)
	a.steps.Note(label, []any{lines, tag.String()}, err)
}

func (a *app) copyFrom(label, sql, data string) {
	tag, err := a.conn.PgConn().CopyFrom(a.ctx, strings.NewReader(data), sql)
	a.steps.Note(label, tag.String(), err)
}

var bulk = []testCase{
	{"CopyFrom rows", func(a *app) {
		count, err := a.conn.CopyFrom(a.ctx, pgx.Identifier{"customers"}, copied, pgx.CopyFromRows(copyRows(7, "copy")))
		a.steps.Note("rows", count, err)
		a.query("back", a.conn, "SELECT "+copiedColumns+" FROM customers WHERE name LIKE 'Copy %' ORDER BY id")
		a.query("found", a.conn, "SELECT name FROM customers WHERE email = $1", "copy3@"+report.Marker)
	}},
	{"CopyFrom slice and function", func(a *app) {
		count, err := a.conn.CopyFrom(a.ctx, pgx.Identifier{"public", "orders"}, []string{"customer_id", "card", "amount", "note"},
			pgx.CopyFromSlice(2000, func(i int) ([]any, error) { return []any{2, fmt.Sprint("slice", i, report.Marker), i, nil}, nil }))
		a.steps.Note("slice", count, err)
		next := 0
		count, err = a.conn.CopyFrom(a.ctx, pgx.Identifier{"orders"}, []string{"customer_id", "card", "amount", "note"},
			pgx.CopyFromFunc(func() ([]any, error) {
				if next++; next > 3 {
					return nil, nil
				}
				return []any{2, fmt.Sprint("func", next, report.Marker), "1.50", "n" + report.Marker}, nil
			}))
		a.steps.Note("function", count, err)
		a.query("found", a.conn, "SELECT card, amount, note FROM orders WHERE card IN ($1, $2) ORDER BY id", "slice1234"+report.Marker, "func2"+report.Marker)
		a.exec("gone", a.conn, "DELETE FROM orders WHERE customer_id = 2 AND note IS NULL")
	}},
	{"CopyFrom with errors", func(a *app) {
		rows := copyRows(2, "copy")
		_, err := a.conn.CopyFrom(a.ctx, pgx.Identifier{"customers"}, copied, pgx.CopyFromRows(rows))
		a.steps.Note("unique", nil, err)
		_, err = a.conn.CopyFrom(a.ctx, pgx.Identifier{"customers"}, []string{"name", "email", "balance"}, pgx.CopyFromRows([][]any{{"Null", nil, "1"}}))
		a.steps.Note("not null", nil, err)
		_, err = a.conn.CopyFrom(a.ctx, pgx.Identifier{"customers"}, []string{"name", "email", "visits", "balance"}, pgx.CopyFromRows([][]any{{"Bad", "bad@" + report.Marker, "x", "1"}}))
		a.steps.Note("wrong type", nil, err)
		_, err = a.conn.CopyFrom(a.ctx, pgx.Identifier{"customers"}, []string{"name", "nothing"}, pgx.CopyFromRows([][]any{{"Bad", "x"}}))
		a.steps.Note("no column", nil, err)
		_, err = a.conn.CopyFrom(a.ctx, pgx.Identifier{"customers"}, []string{"name", "email"}, pgx.CopyFromFunc(func() ([]any, error) { return nil, fmt.Errorf("gave up") }))
		a.steps.Note("gave up", nil, err)
		a.query("going on", a.conn, "SELECT count(*) FROM customers")
	}},
	{"CopyFrom in a transaction", func(a *app) {
		tx, err := a.conn.Begin(a.ctx)
		check(err)
		count, err := tx.CopyFrom(a.ctx, pgx.Identifier{"customers"}, copied, pgx.CopyFromRows(copyRows(3, "tx")))
		a.steps.Note("rows", count, err)
		a.query("inside", tx, "SELECT name, email FROM customers WHERE email = $1", "tx1@"+report.Marker)
		check(tx.Rollback(a.ctx))
		a.query("outside", a.conn, "SELECT name, email FROM customers WHERE email = $1", "tx1@"+report.Marker)
	}},
	{"CopyFrom into a plain table", func(a *app) {
		count, err := a.conn.CopyFrom(a.ctx, pgx.Identifier{"events"}, []string{"kind", "data", "at"},
			pgx.CopyFromRows([][]any{{"copied", map[string]any{"a": 1}, seen}, {"copied", nil, nil}}))
		a.steps.Note("rows", count, err)
		a.query("back", a.conn, "SELECT kind, data, at FROM events WHERE kind = 'copied' ORDER BY id")
	}},
	{"COPY out", func(a *app) {
		a.copyTable("text", "COPY customers TO STDOUT")
		a.copyTable("columns", "COPY customers (id, email, birth) TO STDOUT")
		a.copyTable("csv", "COPY customers TO STDOUT WITH (FORMAT csv, HEADER, NULL '-', FORCE_QUOTE (email, birth))")
		a.copyTo("sorted", "COPY (SELECT * FROM customers ORDER BY id) TO STDOUT")
		a.copyTo("binary", "COPY (SELECT * FROM customers ORDER BY id) TO STDOUT WITH (FORMAT binary)")
		a.copyTo("one in binary", "COPY events TO STDOUT WITH (FORMAT binary)")
		a.copyTo("query", "COPY (SELECT c.name, c.email, o.card FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.email = '"+mail+"' ORDER BY o.id) TO STDOUT")
		a.copyTo("query as csv", "COPY (SELECT card, amount, note FROM orders ORDER BY id) TO STDOUT CSV HEADER")
		a.copyTo("events", "COPY events (kind, data, at) TO STDOUT")
		a.copyTo("no table", "COPY nothing TO STDOUT")
	}},
	{"COPY in", func(a *app) {
		a.copyFrom("text", "COPY orders (customer_id, card, amount, note) FROM STDIN", "1\tt1"+report.Marker+"\t1.005\t\\N\n1\tt\\t2"+report.Marker+"\t2\tline\\nbreak\n\\.\n")
		a.copyFrom("csv", "COPY orders (customer_id, card, amount, note) FROM STDIN WITH (FORMAT csv, HEADER)", "c,card,amount,note\n1,\"c,1"+report.Marker+"\",3,\"a \"\"quote\"\"\nand line\"\n1,c2"+report.Marker+",4,\n1,c3"+report.Marker+",4,\"\"\n")
		a.copyFrom("delimiter", "COPY orders (card, customer_id, amount) FROM STDIN WITH (DELIMITER '|', NULL 'null')", "d1"+report.Marker+"|1|5\n")
		a.query("back", a.conn, "SELECT card, amount, note FROM orders WHERE customer_id = 1 ORDER BY id")
		a.query("found", a.conn, "SELECT card, amount FROM orders WHERE card = $1", "t\t2"+report.Marker)
		a.copyFrom("bad number", "COPY orders (customer_id, card, amount) FROM STDIN", "1\tx\t1\n1\ty"+report.Marker+"\tnumber\n")
		a.copyFrom("too few", "COPY orders (customer_id, card, amount) FROM STDIN", "1\tx\n")
		a.copyFrom("foreign key", "COPY orders (customer_id, card, amount) FROM STDIN", "999\tx\t1\n")
		a.copyFrom("unique", "COPY customers (name, email, balance) FROM STDIN", "X\tGus@"+report.Marker+"\t1\n")
		a.query("going on", a.conn, "SELECT count(*) FROM orders")
	}},
	{"COPY of too many values", func(a *app) {
		a.copyFrom("too many", "COPY orders (customer_id, card, amount) FROM STDIN", "1\tx\t1\t2\n")
	}},
	{"COPY of what a statement returns", func(a *app) {
		a.copyTo("returning", "COPY (UPDATE orders SET status = 'sent' WHERE card = '3400"+report.Marker+"' RETURNING card, status) TO STDOUT")
	}},
	{"COPY out and in again", func(a *app) {
		for _, format := range []string{"text", "csv", "binary"} {
			data := a.copyTo(format, "COPY (SELECT customer_id, card, amount, status, note FROM orders WHERE customer_id = 1 ORDER BY id) TO STDOUT WITH (FORMAT "+format+")")
			a.exec("deleted", a.conn, "DELETE FROM orders WHERE customer_id = 1")
			a.copyFrom("again", "COPY orders (customer_id, card, amount, status, note) FROM STDIN WITH (FORMAT "+format+")", string(data))
			a.query("back", a.conn, "SELECT card, amount, note FROM orders WHERE customer_id = 1 ORDER BY id")
		}
	}},
}
