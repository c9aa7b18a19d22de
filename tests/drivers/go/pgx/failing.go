package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgveil-driver-tests/report"
)

var failing = []testCase{
	{"constraints", func(a *app) {
		a.exec("unique", a.conn, insertShort, "Again", "bob@"+report.Marker, 1)
		a.exec("unique update", a.conn, "UPDATE customers SET email = $1 WHERE email = $2", "bob@"+report.Marker, "eve@"+report.Marker)
		a.exec("not null", a.conn, insertShort, "Null", nil, 1)
		a.exec("not null plain", a.conn, insertShort, nil, "plain@"+report.Marker, 1)
		a.exec("not null default", a.conn, "INSERT INTO customers (name, email, balance) VALUES ($1, $2, $3)", "Null", "null@"+report.Marker, nil)
		a.exec("foreign key", a.conn, "INSERT INTO orders (customer_id, card, amount) VALUES ($1, $2, $3)", 999, "x", "1")
		a.exec("primary key", a.conn, "INSERT INTO customers (id, name, email, balance) VALUES ($1, $2, $3, 0)", 1, "One", "one@"+report.Marker)
		a.query("going on", a.conn, "SELECT name, email FROM customers WHERE email = $1", "eve@"+report.Marker)
	}},
	{"values that do not fit", func(a *app) {
		for _, each := range [][]any{{"visits", "twelve"}, {"visits", int64(1) << 40}, {"visits", "99999999999"}, {"level", 70000}, {"level", "70000"},
			{"birth", "2024-02-30"}, {"birth", "someday"}, {"balance", "1e30"}, {"balance", numeric("12345678901.5")}, {"balance", "abc"},
			{"ssn", strings.Repeat("1", 12)}, {"ssn", strings.Repeat("1", 11) + "   "}, {"email", strings.Repeat("x", 121)}, {"vip", "maybe"},
			{"token", "not-a-uuid"}, {"seen", "2024-13-01 00:00:00Z"}, {"opens", "25:00"}, {"score", "1e400"}, {"prefs", "{bad"}, {"raw", "[1"},
			{"address", "300.1.1.1"}, {"photo", "\\xZZ"}, {"points", 1.5}, {"visits", true}, {"vip", 1}, {"email", 12}, {"birth", 12}} {
			a.exec(fmt.Sprint(each...), a.conn, fmt.Sprintf("UPDATE customers SET %s = $1 WHERE name = 'Bob'", each[0]), each[1])
		}
	}},
	{"literals that do not fit", func(a *app) {
		for _, each := range []string{"visits = 'twelve'", "visits = 99999999999", "birth = '2024-02-30'", "balance = 1e30", "ssn = '123456789012'",
			"token = 'x'", "vip = 7", "nothing = 1", "prefs = '{bad'"} {
			a.exec(each, a.conn, "UPDATE customers SET "+each+" WHERE name = 'Bob'")
		}
	}},
	{"statements that are wrong", func(a *app) {
		a.exec("division", a.conn, "SELECT 1/0")
		a.exec("division by an argument", a.conn, "SELECT visits FROM customers WHERE id / $1 = 1", 0)
		a.exec("syntax", a.conn, "SELECT email FORM customers WHERE")
		a.exec("no table", a.conn, "SELECT email FROM customer")
		a.exec("no column", a.conn, "SELECT nothing FROM customers")
		a.exec("ambiguous", a.conn, "SELECT id FROM customers, orders")
		a.exec("types", a.conn, "SELECT email FROM customers WHERE visits = 'x'")
		a.exec("too few arguments", a.conn, "SELECT email FROM customers WHERE visits = $1 AND email = $2", 1)
		a.exec("too many arguments", a.conn, "SELECT email FROM customers WHERE visits = $1", 1, 2)
		a.exec("no privilege", a.conn, "SELECT * FROM pg_authid")
		a.exec("two statements", a.conn, "SELECT 1; SELECT 2")
		a.exec("empty", a.conn, "")
		a.exec("comment", a.conn, "-- nothing")
		a.query("going on", a.conn, "SELECT 1")
	}},
	{"a column whose name is nearly right", func(a *app) {
		a.exec("no column", a.conn, "SELECT mail FROM customers")
		a.exec("no column of it", a.conn, "SELECT c.phone, o.phone FROM customers c JOIN orders o ON o.customer_id = c.id")
	}},
	{"an unknown function of a sealed column", func(a *app) {
		a.exec("no function", a.conn, "SELECT nothing(email) FROM customers")
	}},
	{"statement timeout", func(a *app) {
		a.exec("set", a.conn, "SET statement_timeout = 100")
		a.exec("sleep", a.conn, "SELECT pg_sleep(5)")
		a.query("sleep with sealed", a.conn, "SELECT email, pg_sleep(5) FROM customers WHERE visits = $1", 44)
		a.exec("reset", a.conn, "RESET statement_timeout")
		a.query("going on", a.conn, "SELECT email FROM customers WHERE visits = $1", 44)
	}},
	{"deadline", func(a *app) {
		conn := a.connect()
		ctx, cancel := context.WithTimeout(a.ctx, 200*time.Millisecond)
		defer cancel()
		_, err := conn.Exec(ctx, "SELECT email, pg_sleep(10) FROM customers")
		a.steps.Note("timed out", conn.IsClosed(), nil)
		a.steps.Note("error", nil, context.Cause(ctx))
		a.steps.Note("failed", err != nil, nil)
	}},
	{"cancel", func(a *app) {
		conn := a.connect()
		defer conn.Close(a.ctx)
		done := make(chan error)
		go func() {
			time.Sleep(200 * time.Millisecond)
			done <- conn.PgConn().CancelRequest(a.ctx)
		}()
		_, err := conn.Exec(a.ctx, "SELECT pg_sleep(10) FROM customers WHERE email = $1", mail)
		a.steps.Note("cancelled", nil, err)
		a.steps.Note("request", nil, <-done)
		a.query("going on", conn, "SELECT name FROM customers WHERE email = $1", mail)
	}},
	{"terminated", func(a *app) {
		conn := a.connect()
		a.query("killed", a.conn, "SELECT pg_terminate_backend($1)", conn.PgConn().PID())
		time.Sleep(100 * time.Millisecond)
		_, err := conn.Exec(a.ctx, "SELECT 1")
		a.steps.Note("noticed", nil, err)
		a.steps.Note("closed", conn.IsClosed(), nil)
	}},
	{"cannot connect", func(a *app) {
		for _, change := range []func(*pgx.ConnConfig){func(c *pgx.ConnConfig) { c.Database = "nothing" }, func(c *pgx.ConnConfig) { c.User = "nobody" },
			func(c *pgx.ConnConfig) { c.RuntimeParams["nothing"] = "x" }, func(c *pgx.ConnConfig) { c.RuntimeParams["timezone"] = "Nowhere" }} {
			config := a.config.Copy()
			change(config)
			_, err := pgx.ConnectConfig(a.ctx, config)
			a.steps.Note("failed", err != nil, nil)
			a.connectFailure(err)
		}
	}},
}
