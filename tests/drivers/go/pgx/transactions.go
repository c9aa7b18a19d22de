package main

import (
	"errors"

	"github.com/jackc/pgx/v5"

	"pgveil-driver-tests/report"
)

const insertShort = "INSERT INTO customers (name, email, visits, balance) VALUES ($1, $2, $3, 0)"

var transactions = []testCase{
	{"commit and rollback", func(a *app) {
		tx, err := a.conn.Begin(a.ctx)
		check(err)
		a.exec("insert", tx, insertShort, "Tx", "tx@"+report.Marker, 1)
		a.query("inside", tx, "SELECT email, visits FROM customers WHERE name = 'Tx'")
		a.steps.Note("rolled back", nil, tx.Rollback(a.ctx))
		a.query("gone", a.conn, "SELECT email FROM customers WHERE name = 'Tx'")
		tx, err = a.conn.Begin(a.ctx)
		check(err)
		a.exec("insert again", tx, insertShort, "Tx", "tx@"+report.Marker, 2)
		a.steps.Note("committed", nil, tx.Commit(a.ctx))
		a.steps.Note("twice", nil, tx.Commit(a.ctx))
		a.query("there", a.conn, "SELECT email, visits FROM customers WHERE name = 'Tx'")
	}},
	{"savepoints", func(a *app) {
		err := pgx.BeginFunc(a.ctx, a.conn, func(tx pgx.Tx) error {
			a.exec("outer", tx, insertShort, "Outer", "outer@"+report.Marker, 1)
			inner := pgx.BeginFunc(a.ctx, tx, func(nested pgx.Tx) error {
				a.exec("inner", nested, insertShort, "Inner", "inner@"+report.Marker, 2)
				a.exec("violation", nested, insertShort, "Inner", "outer@"+report.Marker, 2)
				a.exec("aborted", nested, "SELECT email FROM customers")
				return errors.New("changed my mind")
			})
			a.steps.Note("nested", nil, inner)
			a.query("after", tx, "SELECT name, email FROM customers WHERE name IN ('Outer', 'Inner')")
			return nil
		})
		a.steps.Note("done", nil, err)
	}},
	{"failed statement", func(a *app) {
		tx, err := a.conn.Begin(a.ctx)
		check(err)
		a.exec("insert", tx, insertShort, "Lost", "lost@"+report.Marker, 1)
		a.exec("fails", tx, "SELECT 1/0")
		a.query("aborted", tx, "SELECT email FROM customers WHERE email = $1", "lost@"+report.Marker)
		a.exec("aborted too", tx, insertShort, "Lost", "lost2@"+report.Marker, 1)
		a.steps.Note("commit", nil, tx.Commit(a.ctx))
		a.query("gone", a.conn, "SELECT email FROM customers WHERE name = 'Lost'")
	}},
	{"transaction modes", func(a *app) {
		for _, options := range []pgx.TxOptions{{IsoLevel: pgx.Serializable}, {AccessMode: pgx.ReadOnly}, {IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly, DeferrableMode: pgx.Deferrable}} {
			a.steps.Note("done", nil, pgx.BeginTxFunc(a.ctx, a.conn, options, func(tx pgx.Tx) error {
				a.query("settings", tx, "SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only')")
				a.query("read", tx, "SELECT name, email FROM customers WHERE visits = $1 ORDER BY id", 2)
				a.exec("write", tx, "UPDATE customers SET phone = $1 WHERE email = $2", "tx "+report.Marker, "tx@"+report.Marker)
				return nil
			}))
		}
	}},
	{"select for update", func(a *app) {
		a.steps.Note("done", nil, pgx.BeginFunc(a.ctx, a.conn, func(tx pgx.Tx) error {
			a.query("locked", tx, "SELECT id, email, balance FROM customers WHERE email = $1 FOR UPDATE", "tx@"+report.Marker)
			a.query("skipped", a.conn, "SELECT id, email FROM customers WHERE email = $1 FOR UPDATE SKIP LOCKED", "tx@"+report.Marker)
			a.exec("changed", tx, "UPDATE customers SET balance = $1 WHERE email = $2", numeric("12.34"), "tx@"+report.Marker)
			other := a.connect()
			defer other.Close(a.ctx)
			a.query("not waiting", other, "SELECT id FROM customers WHERE email = $1 FOR UPDATE NOWAIT", "tx@"+report.Marker)
			return nil
		}))
	}},
	{"cursors", func(a *app) {
		a.steps.Note("done", nil, pgx.BeginFunc(a.ctx, a.conn, func(tx pgx.Tx) error {
			a.exec("declare", tx, "DECLARE people CURSOR FOR SELECT id, name, email, birth, balance FROM customers ORDER BY id")
			a.query("3", tx, "FETCH 3 FROM people")
			a.query("forward", tx, "FETCH FORWARD 2 FROM people")
			a.exec("move", tx, "MOVE 1 FROM people")
			a.query("next", tx, "FETCH NEXT FROM people")
			a.exec("close", tx, "CLOSE people")
			a.exec("declare with argument", tx, "DECLARE some NO SCROLL CURSOR FOR SELECT id, email FROM customers WHERE visits = $1", 12)
			return nil
		}))
	}},
	{"cursor in binary", func(a *app) {
		a.steps.Note("done", nil, pgx.BeginFunc(a.ctx, a.conn, func(tx pgx.Tx) error {
			a.exec("declare", tx, "DECLARE people BINARY SCROLL CURSOR FOR SELECT id, email, balance FROM customers ORDER BY id")
			a.query("all", tx, "FETCH ALL FROM people", pgx.QueryExecModeSimpleProtocol)
			a.query("first", tx, "FETCH FIRST FROM people")
			return nil
		}))
	}},
}
