package main

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"pgveil-driver-tests/report"
)

var types = []testCase{
	{"LoadType of plain types", func(a *app) {
		a.exec("enum", a.conn, "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
		a.exec("domain", a.conn, "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
		a.exec("composite", a.conn, "CREATE TYPE pair AS (a int, b text)")
		a.exec("table", a.conn, "CREATE TABLE moods (id int PRIMARY KEY, m mood, ms mood[], n positive, p pair)")
		for _, name := range []string{"mood", "_mood", "positive", "pair", "_pair"} {
			loaded, err := a.conn.LoadType(a.ctx, name)
			a.steps.Note(name, loaded != nil, err)
			if err == nil {
				a.steps.Note("codec", fmt.Sprintf("%T", loaded.Codec), nil)
				a.conn.TypeMap().RegisterType(loaded)
			}
		}
		a.exec("insert", a.conn, "INSERT INTO moods VALUES ($1, $2, $3, $4, ROW($5::int, $6::text)::pair)", 1, "ok", []string{"sad", "happy"}, 3, 4, "x")
		a.steps.Note("scan", nil, a.conn.QueryRow(a.ctx, "SELECT m FROM moods").Scan(new(string)))
		var tag string
		var all []string
		var number int
		var both struct {
			A int32
			B string
		}
		err := a.conn.QueryRow(a.ctx, "SELECT m::text, ms::text[], n, p FROM moods WHERE id = $1", 1).Scan(&tag, &all, &number, &both)
		a.steps.Note("row", []any{tag, all, number, both.A, both.B}, err)
		a.exec("out of it", a.conn, "INSERT INTO moods (id, n) VALUES (2, $1)", -1)
		a.exec("not a mood", a.conn, "INSERT INTO moods (id, m) VALUES (2, $1)", "angry")
		types, err := a.conn.LoadTypes(a.ctx, []string{"mood", "pair"})
		a.steps.Note("together", len(types), err)
	}},
	{"LoadType of a protected table", func(a *app) {
		loaded, err := a.conn.LoadType(a.ctx, "orders")
		a.steps.Note("orders", loaded != nil, err)
		if err != nil {
			return
		}
		codec, isComposite := loaded.Codec.(*pgtype.CompositeCodec)
		a.steps.Note("composite", isComposite, nil)
		if isComposite {
			for _, field := range codec.Fields {
				a.steps.Note(field.Name, field.Type.Name, nil)
			}
		}
	}},
	{"whole rows", func(a *app) {
		a.query("row", a.conn, "SELECT o FROM orders o WHERE card = $1", "notify"+report.Marker)
	}},
	{"catalog", func(a *app) {
		a.query("information_schema", a.conn, `SELECT table_name, column_name, is_nullable, ordinal_position FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = $1 AND column_name IN ('id', 'status', 'customer_id') ORDER BY ordinal_position`, "orders")
	}},
	{"constraints in the catalog", func(a *app) {
		a.query("keys", a.conn, "SELECT conname, contype FROM pg_constraint WHERE conrelid = $1::regclass ORDER BY conname", "orders")
	}},
	{"types of columns", func(a *app) {
		a.query("information_schema", a.conn, `SELECT column_name, data_type, udt_name, character_maximum_length FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position`, "orders")
	}},
	{"plain values of other types", func(a *app) {
		a.query("many", a.conn, `SELECT ARRAY[1, 2], ARRAY[['a', NULL]], '[1,5)'::int4range, '(1,2)'::point, B'101', '1 day 2 hours'::interval,
			'12:00+02'::timetz, 'a=>b'::text, 1.50::numeric, 'x'::"char", 1::oid, 'NaN'::float4, '{"a":1}'::jsonb, '08:00:2b:01:02:03'::macaddr, NULL::text`)
		a.query("arguments", a.conn, "SELECT $1::int[], $2::text[], $3::int4range, $4::interval, $5::numeric", []int32{1, 2}, []*string{nil},
			pgtype.Range[pgtype.Int4]{Lower: pgtype.Int4{Int32: 1, Valid: true}, Upper: pgtype.Int4{Int32: 5, Valid: true}, LowerType: pgtype.Inclusive, UpperType: pgtype.Exclusive, Valid: true},
			pgtype.Interval{Days: 1, Valid: true}, numeric("1.500"))
		rows, err := a.conn.Query(a.ctx, "SELECT g, repeat('x', g) FROM generate_series(1, $1) g", 2000)
		check(err)
		found, err := pgx.CollectRows(rows, pgx.RowToMap)
		a.steps.Note("many rows", len(found), err)
	}},
}
