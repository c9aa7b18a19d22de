package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"pgveil-driver-tests/report"
)

// The server's error within the one that names the address.
func (a *app) connectFailure(err error) {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		a.steps.Note("error", nil, server)
	}
}

func (a *app) pool(size int32) *pgxpool.Pool {
	config, err := pgxpool.ParseConfig(a.config.ConnString())
	check(err)
	config.MaxConns = size
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET application_name = 'pooled'")
		return err
	}
	pool, err := pgxpool.NewWithConfig(a.ctx, config)
	check(err)
	return pool
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

var sessions = []testCase{
	{"pool", func(a *app) {
		pool := a.pool(4)
		defer pool.Close()
		var group sync.WaitGroup
		var lock sync.Mutex
		var found []string
		for i := range 40 {
			group.Add(1)
			go func() {
				defer group.Done()
				card := fmt.Sprint("pool", i, report.Marker)
				_, err := pool.Exec(a.ctx, "INSERT INTO orders (customer_id, card, amount) VALUES (2, $1, $2)", card, numeric("1"))
				var seen string
				if err == nil {
					err = pool.QueryRow(a.ctx, "SELECT card FROM orders WHERE card = $1", card).Scan(&seen)
				}
				lock.Lock()
				defer lock.Unlock()
				found = append(found, fmt.Sprint(seen, " ", err))
			}()
		}
		group.Wait()
		sort.Strings(found)
		a.steps.Note("found", found, nil)
		a.query("acquired", pool, "SELECT current_setting('application_name')")
		a.steps.Note("function", nil, pool.AcquireFunc(a.ctx, func(conn *pgxpool.Conn) error {
			a.query("sealed", conn, "SELECT email FROM customers WHERE visits = $1", 44)
			return conn.Ping(a.ctx)
		}))
		tx, err := pool.Begin(a.ctx)
		check(err)
		count, err := tx.CopyFrom(a.ctx, pgx.Identifier{"orders"}, []string{"customer_id", "card", "amount"}, pgx.CopyFromRows([][]any{{2, "p" + report.Marker, "1"}}))
		a.steps.Note("copied", count, err)
		check(tx.Rollback(a.ctx))
		pool.Reset()
		a.query("after a reset", pool, "SELECT count(*) FROM orders WHERE card = $1", "pool7"+report.Marker)
	}},
	{"listen and notify", func(a *app) {
		listener := a.connect()
		defer listener.Close(a.ctx)
		a.exec("listen", listener, "LISTEN changes")
		a.exec("notify", a.conn, "NOTIFY changes, 'first'")
		a.query("pg_notify", a.conn, "SELECT pg_notify($1, $2)", "changes", "second é")
		a.steps.Note("in a transaction", nil, pgx.BeginFunc(a.ctx, a.conn, func(tx pgx.Tx) error {
			a.exec("insert", tx, "INSERT INTO orders (customer_id, card, amount) VALUES (1, $1, 1)", "notify"+report.Marker)
			a.exec("notify", tx, "NOTIFY changes, 'third'")
			return nil
		}))
		for range 3 {
			found, err := listener.WaitForNotification(a.ctx)
			check(err)
			a.steps.Note("heard", []any{found.Channel, found.Payload, found.PID == a.conn.PgConn().PID()}, nil)
		}
		a.exec("to itself", listener, "NOTIFY changes, 'own'")
		a.query("meanwhile", listener, "SELECT email FROM customers WHERE visits = $1", 44)
		found, err := listener.WaitForNotification(a.ctx)
		a.steps.Note("own", found.Payload, err)
		ctx, cancel := context.WithTimeout(a.ctx, 100*time.Millisecond)
		defer cancel()
		_, err = listener.WaitForNotification(ctx)
		a.steps.Note("nothing more", pgconn.Timeout(err), nil)
		a.query("still usable", listener, "SELECT email FROM customers WHERE visits = $1", 44)
		a.exec("unlisten", listener, "UNLISTEN *")
	}},
	{"notices", func(a *app) {
		config := a.config.Copy()
		config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) {
			a.steps.Note("notice", []any{notice.Severity, notice.Code, notice.Message, notice.Detail}, nil)
		}
		conn, err := pgx.ConnectConfig(a.ctx, config)
		check(err)
		defer conn.Close(a.ctx)
		a.exec("do", conn, "DO $$ BEGIN RAISE NOTICE 'seen %', 1; RAISE WARNING 'too'; END $$")
		a.exec("drop", conn, "DROP TABLE IF EXISTS nothing")
		a.exec("commit", conn, "COMMIT")
	}},
	{"settings of time", func(a *app) {
		for _, setting := range []string{"TimeZone = 'America/New_York'", "DateStyle = 'German, DMY'", "DateStyle = 'SQL, MDY'", "IntervalStyle = 'iso_8601'",
			"extra_float_digits = 0", "bytea_output = 'escape'", "TimeZone = 'UTC'", "DateStyle = 'ISO, YMD'"} {
			a.exec(setting, a.conn, "SET "+setting)
			a.steps.Note("reported", []any{a.conn.PgConn().ParameterStatus("TimeZone"), a.conn.PgConn().ParameterStatus("DateStyle")}, nil)
			a.query("values", a.conn, "SELECT name, birth, seen, local_time, opens, score, photo, created FROM customers WHERE name IN ('Ada', 'Eve') ORDER BY id")
			rows, err := a.conn.Query(a.ctx, "SELECT birth, seen, local_time, opens, score, photo, created FROM customers ORDER BY id", pgx.QueryResultFormats{0})
			check(err)
			a.raw("text", rows)
			// Its text is new each time: one that is kept has the value of the settings that it was parsed under.
			a.query("dates", a.conn, "UPDATE customers SET birth = '01/02/2003', seen = '01/02/2003 10:00' WHERE name = 'Bob' AND "+quote(setting)+" <> '' RETURNING birth, seen")
			a.query("found", a.conn, "SELECT name FROM customers WHERE birth = $1", time.Date(2003, 2, 1, 0, 0, 0, 0, time.UTC))
		}
		a.exec("reset", a.conn, "RESET ALL")
	}},
	{"literal dates in a kept statement", func(a *app) {
		for _, style := range []string{"MDY", "DMY"} {
			a.exec(style, a.conn, "SET DateStyle = 'ISO, "+style+"'")
			a.query("date", a.conn, "UPDATE customers SET birth = '01/02/2003' WHERE name = 'Bob' RETURNING birth")
		}
		a.exec("reset", a.conn, "RESET ALL")
		a.exec("as it was", a.conn, "UPDATE customers SET birth = $1 WHERE name = 'Bob'", birth)
	}},
	{"local settings", func(a *app) {
		a.steps.Note("done", nil, pgx.BeginFunc(a.ctx, a.conn, func(tx pgx.Tx) error {
			a.exec("local", tx, "SET LOCAL TimeZone = 'Asia/Tokyo'")
			a.query("by function", tx, "SELECT set_config('DateStyle', 'German', true)")
			rows, err := tx.Query(a.ctx, "SELECT birth, seen FROM customers ORDER BY id", pgx.QueryResultFormats{0})
			check(err)
			a.raw("inside", rows)
			return nil
		}))
		rows, err := a.conn.Query(a.ctx, "SELECT birth, seen FROM customers ORDER BY id", pgx.QueryResultFormats{0})
		check(err)
		a.raw("outside", rows)
	}},
	{"database/sql", func(a *app) {
		db := stdlib.OpenDB(*a.config.Copy())
		defer db.Close()
		db.SetMaxOpenConns(2)
		result, err := db.ExecContext(a.ctx, insertShort, "Std", "std@"+report.Marker, 5)
		check(err)
		affected, err := result.RowsAffected()
		a.steps.Note("affected", affected, err)
		rows, err := db.QueryContext(a.ctx, "SELECT * FROM customers WHERE email = $1 OR name = 'Ada' ORDER BY id", "std@"+report.Marker)
		check(err)
		defer rows.Close()
		described, err := rows.ColumnTypes()
		check(err)
		for _, column := range described {
			length, varies := column.Length()
			precision, scale, decimal := column.DecimalSize()
			a.steps.Note(column.Name(), []any{column.DatabaseTypeName(), column.ScanType().String(), length, varies, precision, scale, decimal}, nil)
		}
		for rows.Next() {
			values := make([]any, len(described))
			for i := range values {
				values[i] = new(any)
			}
			check(rows.Scan(values...))
			a.steps.Note("row", values, nil)
		}
		check(rows.Err())
		statement, err := db.PrepareContext(a.ctx, "SELECT name FROM customers WHERE email = $1")
		check(err)
		for _, email := range []string{"std@" + report.Marker, "bob@" + report.Marker, "nobody"} {
			var name string
			err := statement.QueryRowContext(a.ctx, email).Scan(&name)
			a.steps.Note("by statement", name, err)
		}
		check(statement.Close())
		tx, err := db.BeginTx(a.ctx, nil)
		check(err)
		_, err = tx.ExecContext(a.ctx, insertShort, "Std", "std@"+report.Marker, 5)
		a.steps.Note("violation", nil, err)
		a.steps.Note("rolled back", nil, tx.Rollback())
	}},
}
