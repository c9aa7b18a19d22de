package main

import (
	"fmt"
	"math/big"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"pgveil-driver-tests/report"
)

const upsertCustomer = `INSERT INTO customers (name, email, phone, visits, balance) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (email) DO UPDATE SET name = EXCLUDED.name, phone = EXCLUDED.phone, visits = EXCLUDED.visits, balance = EXCLUDED.balance
  RETURNING id, name, email, phone, visits, balance`

var changing = []testCase{
	{"update by sealed key", func(a *app) {
		a.query("returning", a.conn, "UPDATE customers SET visits = $1, phone = $2, birth = $3 WHERE email = $4 RETURNING id, visits, phone, birth, *",
			99, "new "+report.Marker, birth, "bob@"+report.Marker)
		a.exec("none", a.conn, "UPDATE customers SET visits = $1 WHERE email = $2", 1, "nobody")
		a.exec("several columns", a.conn, "UPDATE customers SET (visits, points) = ($1, $2) WHERE email = $3", 7, 8, "cid@"+report.Marker)
		a.exec("to null", a.conn, "UPDATE customers SET points = NULL, photo = $1 WHERE visits = $2", nil, 7)
		a.query("from", a.conn, "UPDATE orders o SET note = $1 FROM customers c WHERE c.id = o.customer_id AND c.email = $2 AND o.card = $3 RETURNING o.id, o.note, c.name",
			"from "+report.Marker, mail, "4111"+report.Marker)
		a.query("after", a.conn, "SELECT id, visits, points, phone FROM customers WHERE id <= 4 ORDER BY id")
	}},
	{"upsert", func(a *app) {
		a.query("new", a.conn, upsertCustomer, "Gus", "Gus@"+report.Marker, "1", 1, pgtype.Numeric{Int: big.NewInt(1), Valid: true})
		a.query("existing", a.conn, upsertCustomer, "Gustav", "Gus@"+report.Marker, "2", 2, pgtype.Numeric{Int: big.NewInt(25), Exp: -1, Valid: true})
		a.query("nothing", a.conn, "INSERT INTO customers (name, email, balance) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING RETURNING id", "No", "Gus@"+report.Marker)
		a.exec("nothing by column", a.conn, "INSERT INTO customers (name, email, balance) VALUES ($1, $2, 0) ON CONFLICT (email) DO NOTHING", "No", "Gus@"+report.Marker)
		a.query("with a where", a.conn, `INSERT INTO customers AS c (name, email, visits, balance) VALUES ($1, $2, $3, 0)
			ON CONFLICT (email) DO UPDATE SET visits = EXCLUDED.visits WHERE c.name = 'Gustav' RETURNING visits`, "G", "Gus@"+report.Marker, 3)
	}},
	{"delete", func(a *app) {
		a.query("returning", a.conn, "DELETE FROM orders WHERE card = $1 RETURNING id, card, amount", "m2"+report.Marker)
		a.exec("none", a.conn, "DELETE FROM orders WHERE card = $1", "m2"+report.Marker)
		a.exec("using", a.conn, "DELETE FROM orders o USING customers c WHERE c.id = o.customer_id AND c.email = $1 AND o.status = 'paid'", mail)
	}},
	{"batch", func(a *app) {
		batch := &pgx.Batch{}
		for i := range 5 {
			batch.Queue("INSERT INTO orders (customer_id, card, amount, note) VALUES ($1, $2, $3, $4)", 1, fmt.Sprint("batch", i%2, report.Marker), i, "b")
		}
		batch.Queue("SELECT card, amount FROM orders WHERE card = $1 ORDER BY id", "batch0"+report.Marker)
		batch.Queue("UPDATE orders SET note = $1 WHERE card = $2 RETURNING note", "u"+report.Marker, "batch1"+report.Marker)
		results := a.conn.SendBatch(a.ctx, batch)
		for range 5 {
			tag, err := results.Exec()
			a.steps.Note("insert", tag.String(), err)
		}
		for range 2 {
			rows, err := results.Query()
			check(err)
			found, err := pgx.CollectRows(rows, pgx.RowToMap)
			a.steps.Note("rows", found, err)
		}
		a.steps.Note("closed", nil, results.Close())
	}},
	{"batch with functions", func(a *app) {
		batch := &pgx.Batch{}
		batch.Queue("INSERT INTO events (kind, at) VALUES ($1, $2)", "batch", seen).Exec(func(tag pgconn.CommandTag) error {
			a.steps.Note("event", tag.String(), nil)
			return nil
		})
		batch.Queue("SELECT email FROM customers WHERE visits = $1 ORDER BY id", 44).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, pgx.RowTo[string])
			a.steps.Note("emails", found, err)
			return err
		})
		batch.Queue("SELECT balance FROM customers WHERE email = $1", "eve@"+report.Marker).QueryRow(func(row pgx.Row) error {
			var found pgtype.Numeric
			err := row.Scan(&found)
			a.steps.Note("balance", found, err)
			return err
		})
		a.steps.Note("closed", nil, a.conn.SendBatch(a.ctx, batch).Close())
	}},
	{"batch with an error", func(a *app) {
		batch := &pgx.Batch{}
		batch.Queue("INSERT INTO customers (name, email, balance) VALUES ($1, $2, 0)", "Batch", "lost@"+report.Marker)
		batch.Queue("INSERT INTO customers (name, email, balance) VALUES ($1, $2, 0)", "Batch", "Gus@"+report.Marker)
		batch.Queue("SELECT name FROM customers WHERE email = $1", "lost@"+report.Marker)
		results := a.conn.SendBatch(a.ctx, batch)
		for range 3 {
			tag, err := results.Exec()
			a.steps.Note("each", tag.String(), err)
		}
		a.steps.Note("closed", nil, results.Close())
		a.query("undone", a.conn, "SELECT count(*) FROM customers WHERE email = $1", "lost@"+report.Marker)
	}},
	{"insert from arrays", func(a *app) {
		a.query("unnest", a.conn, `INSERT INTO orders (customer_id, card, amount) SELECT 1, card, amount FROM unnest($1::text[], $2::numeric[]) AS t (card, amount)
			RETURNING card, amount`, []string{"u1" + report.Marker, "u2" + report.Marker}, []pgtype.Numeric{balance, balance})
	}},
	{"insert from select", func(a *app) {
		a.exec("same columns", a.conn, "INSERT INTO orders (customer_id, card, amount, note) SELECT customer_id, card, amount, 'copy' FROM orders WHERE card = $1", "5500"+report.Marker)
		a.query("both", a.conn, "SELECT card, amount, note FROM orders WHERE card = $1 ORDER BY id", "5500"+report.Marker)
	}},
	{"change in a cte", func(a *app) {
		a.query("moved", a.conn, "WITH gone AS (DELETE FROM orders WHERE card = $1 RETURNING id AS n, card, amount) SELECT card, amount FROM gone ORDER BY gone.n", "batch0"+report.Marker)
	}},
	{"a computed value", func(a *app) {
		tx, err := a.conn.Begin(a.ctx)
		check(err)
		a.query("function", tx, "UPDATE orders SET note = repeat('x', 3) WHERE card = $1 RETURNING note", "3400"+report.Marker)
		check(tx.Rollback(a.ctx))
	}},
	{"arithmetic on a sealed column", func(a *app) {
		tx, err := a.conn.Begin(a.ctx)
		check(err)
		a.query("counter", tx, "UPDATE customers SET visits = visits + 1 WHERE email = $1 RETURNING visits", mail)
		check(tx.Rollback(a.ctx))
	}},
}
