package main

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"pgveil-driver-tests/report"
)

var prepared = []testCase{
	{"prepare and describe", func(a *app) {
		for i, sql := range []string{insertCustomer, allCustomers, "SELECT email, balance FROM customers WHERE visits = $1 AND email = $2",
			"UPDATE orders SET note = $1, amount = $2 WHERE card = $3 AND id = $4", "SELECT count(*), $1::date", "SELECT email FROM customers WHERE phone = ANY($1)",
			"DELETE FROM orders WHERE card = $1 RETURNING note", "SELECT id FROM nothing", "SELEC", upsertCustomer} {
			statement, err := a.conn.Prepare(a.ctx, fmt.Sprint("statement", i), sql)
			if err != nil {
				a.steps.Note(sql, nil, err)
				continue
			}
			a.steps.Note(sql, []any{statement.Name, statement.SQL, statement.ParamOIDs, fields(statement.Fields)}, nil)
		}
		for range 3 {
			a.query("by name", a.conn, "statement2", 44, "eve@"+report.Marker)
			a.query("as raw", a.conn, "statement5", []string{phone})
		}
		a.steps.Note("deallocated", nil, a.conn.Deallocate(a.ctx, "statement2"))
		a.query("by name", a.conn, "statement2", 44, "eve@"+report.Marker)
		a.steps.Note("all deallocated", nil, a.conn.DeallocateAll(a.ctx))
		a.query("going on", a.conn, "SELECT email FROM customers WHERE visits = $1", 44)
	}},
	{"statement level", func(a *app) {
		pg := a.conn.PgConn()
		statement, err := pg.Prepare(a.ctx, "low", "SELECT email, birth, visits FROM customers WHERE visits = $1 ORDER BY id", []uint32{pgtype.TextOID})
		if err != nil {
			a.steps.Note("text for a number", nil, err)
			statement, err = pg.Prepare(a.ctx, "low", "SELECT email, birth, visits FROM customers WHERE visits = $1 ORDER BY id", []uint32{pgtype.Int8OID})
			check(err)
		}
		a.steps.Note("described", []any{statement.ParamOIDs, fields(statement.Fields)}, nil)
		for _, formats := range [][]int16{nil, {0}, {1}, {0, 1, 0}} {
			result := pg.ExecPrepared(a.ctx, "low", [][]byte{[]byte("44")}, nil, formats).Read()
			a.steps.Note(fmt.Sprint(formats), []any{result.Rows, result.CommandTag.String()}, result.Err)
		}
		result := pg.ExecPrepared(a.ctx, "low", [][]byte{{0, 0, 0, 0, 0, 0, 0, 44}}, []int16{1}, nil).Read()
		a.steps.Note("binary", result.Rows, result.Err)
		result = pg.ExecParams(a.ctx, "SELECT name, email FROM customers WHERE birth = $1 ORDER BY id", [][]byte{[]byte("10 Dec 1815")}, nil, nil, nil).Read()
		a.steps.Note("another way to write a date", result.Rows, result.Err)
		result = pg.ExecParams(a.ctx, "INSERT INTO events (kind) VALUES ($1) RETURNING kind", [][]byte{[]byte("raw")}, []uint32{pgtype.TextOID}, []int16{1}, []int16{1}).Read()
		a.steps.Note("events", result.Rows, result.Err)
		a.steps.Note("closed", nil, pg.Deallocate(a.ctx, "low"))
	}},
	{"pipeline", func(a *app) {
		if a.mode == "simple_protocol" {
			return
		}
		pipeline := a.conn.PgConn().StartPipeline(a.ctx)
		pipeline.SendPrepare("p1", "SELECT email FROM customers WHERE visits = $1 ORDER BY id", nil)
		pipeline.SendPrepare("p2", "INSERT INTO orders (customer_id, card, amount) VALUES (1, $1, $2) RETURNING card, amount", nil)
		pipeline.SendQueryParams("SELECT phone FROM customers WHERE email = $1", [][]byte{[]byte("bob@" + report.Marker)}, nil, nil, nil)
		check(pipeline.Sync())
		for i := range 3 {
			pipeline.SendQueryPrepared("p1", [][]byte{[]byte("44")}, nil, nil)
			pipeline.SendQueryPrepared("p2", [][]byte{[]byte(fmt.Sprint("pipe", i, report.Marker)), []byte("1.5")}, nil, nil)
		}
		check(pipeline.Sync())
		pipeline.SendQueryParams("SELECT 1/$1::int", [][]byte{[]byte("0")}, nil, nil, nil)
		pipeline.SendQueryPrepared("p2", [][]byte{[]byte("lost" + report.Marker), []byte("1.5")}, nil, nil)
		check(pipeline.Sync())
		pipeline.SendQueryPrepared("p1", [][]byte{[]byte("x")}, nil, nil)
		check(pipeline.Sync())
		pipeline.SendQueryPrepared("p2", [][]byte{[]byte("last" + report.Marker), []byte("2")}, nil, nil)
		pipeline.SendDeallocate("p1")
		check(pipeline.Sync())
		for range 40 {
			result, err := pipeline.GetResults()
			if result == nil && err == nil {
				break
			}
			switch r := result.(type) {
			case *pgconn.StatementDescription:
				a.steps.Note("statement", []any{r.ParamOIDs, fields(r.Fields)}, err)
			case *pgconn.ResultReader:
				read := r.Read()
				a.steps.Note("rows", []any{read.Rows, read.CommandTag.String()}, read.Err)
			default:
				a.steps.Note(fmt.Sprintf("%T", result), nil, err)
			}
		}
		a.steps.Note("closed", nil, pipeline.Close())
		a.query("orders", a.conn, "SELECT card, amount FROM orders WHERE card IN ($1, $2, $3)", "pipe2"+report.Marker, "lost"+report.Marker, "last"+report.Marker)
		a.steps.Note("deallocated", nil, a.conn.Deallocate(a.ctx, "p2"))
	}},
	{"caches and DDL", func(a *app) {
		const events, people = "SELECT * FROM events WHERE kind = $1 ORDER BY id", "SELECT * FROM customers WHERE email = $1"
		both := func(label string) {
			a.query(label+" events", a.conn, events, "raw")
			a.query(label+" customers", a.conn, people, "Gus@"+report.Marker)
		}
		both("before")
		both("again")
		a.exec("add a column", a.conn, "ALTER TABLE events ADD COLUMN extra int DEFAULT 5")
		both("after")
		both("after again")
		a.exec("add a column there", a.conn, "ALTER TABLE customers ADD COLUMN extra int DEFAULT 6")
		both("after that")
		both("after that again")
		a.exec("discard", a.conn, "DISCARD ALL")
		both("discarded")
		both("discarded again")
		a.exec("deallocate", a.conn, "DEALLOCATE ALL")
		both("deallocated")
		both("deallocated again")
		a.exec("drop it", a.conn, "ALTER TABLE customers DROP COLUMN extra")
		both("dropped")
		both("dropped again")
	}},
	{"many statements", func(a *app) {
		config := a.config.Copy()
		config.StatementCacheCapacity, config.DescriptionCacheCapacity = 3, 3
		conn, err := pgx.ConnectConfig(a.ctx, config)
		check(err)
		defer conn.Close(a.ctx)
		for round := range 2 {
			for i := range 6 {
				a.query(fmt.Sprint(round, i), conn, fmt.Sprintf("SELECT email, %d AS n FROM customers WHERE visits = $1 ORDER BY id", i), 44)
			}
		}
	}},
	{"PREPARE and EXECUTE in SQL", func(a *app) {
		a.exec("prepare", a.conn, "PREPARE people (text) AS SELECT name, email FROM customers WHERE email = $1")
		a.query("execute", a.conn, "EXECUTE people ('bob@"+report.Marker+"')", pgx.QueryExecModeSimpleProtocol)
		a.exec("deallocate", a.conn, "DEALLOCATE people")
		a.query("execute again", a.conn, "EXECUTE people ('bob@"+report.Marker+"')", pgx.QueryExecModeSimpleProtocol)
	}},
}
