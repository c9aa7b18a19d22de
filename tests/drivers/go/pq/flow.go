package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"

	"pgveil-driver-tests/report"
)

var flow = []testCase{
	{"transactions", func(a *app) {
		tx, err := a.db.BeginTx(a.ctx, nil)
		check(err)
		a.exec("insert", tx, insertShort, "Tx", mail("tx"), 1)
		a.query("inside", tx, "SELECT email, visits FROM customers WHERE name = 'Tx'")
		a.steps.Note("rolled back", nil, tx.Rollback())
		a.query("gone", a.db, "SELECT email FROM customers WHERE name = 'Tx'")
		tx, err = a.db.BeginTx(a.ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
		check(err)
		a.exec("insert", tx, insertShort, "Tx", mail("tx"), 1)
		a.exec("savepoint", tx, "SAVEPOINT a")
		a.exec("violation", tx, insertShort, "Tx", mail("tx"), 1)
		a.query("aborted", tx, "SELECT email FROM customers WHERE visits = $1", 1)
		a.exec("back", tx, "ROLLBACK TO SAVEPOINT a")
		a.query("going on", tx, "SELECT email FROM customers WHERE name = 'Tx'")
		a.steps.Note("committed", nil, tx.Commit())
		tx, err = a.db.BeginTx(a.ctx, &sql.TxOptions{ReadOnly: true})
		check(err)
		a.exec("read only", tx, "UPDATE customers SET visits = $1 WHERE email = $2", 3, mail("tx"))
		a.steps.Note("failed commit", nil, tx.Commit())
	}},
	{"cursor", func(a *app) {
		tx, err := a.db.BeginTx(a.ctx, nil)
		check(err)
		defer tx.Rollback()
		a.exec("declare", tx, "DECLARE people CURSOR FOR SELECT id, name, email, birth FROM customers ORDER BY id")
		a.query("3", tx, "FETCH 3 FROM people")
		a.query("2", tx, "FETCH FORWARD 2 FROM people")
		a.exec("close", tx, "CLOSE people")
	}},
	{"prepared statements", func(a *app) {
		statement, err := a.db.PrepareContext(a.ctx, "SELECT name, email, visits FROM customers WHERE email = $1")
		check(err)
		for _, name := range []string{"ada", "bob", "nobody"} {
			rows, err := statement.QueryContext(a.ctx, mail(name))
			check(err)
			a.rows(name, rows)
		}
		tx, err := a.db.BeginTx(a.ctx, nil)
		check(err)
		rows, err := tx.StmtContext(a.ctx, statement).QueryContext(a.ctx, mail("dan"))
		check(err)
		a.rows("in a transaction", rows)
		check(tx.Commit())
		a.steps.Note("closed", nil, statement.Close())
		_, err = a.db.PrepareContext(a.ctx, "SELECT nothing FROM customers WHERE email = $1")
		a.steps.Note("no column", nil, err)
	}},
	{"caches and DDL", func(a *app) {
		conn, err := a.db.Conn(a.ctx)
		check(err)
		defer conn.Close()
		events, err := conn.PrepareContext(a.ctx, "SELECT * FROM events WHERE kind = $1 ORDER BY id")
		check(err)
		people, err := conn.PrepareContext(a.ctx, "SELECT email, visits FROM customers WHERE email = $1")
		check(err)
		both := func(label string) {
			for _, each := range []struct {
				statement *sql.Stmt
				argument  string
			}{{events, "copied"}, {people, mail("gus")}} {
				rows, err := each.statement.QueryContext(a.ctx, each.argument)
				if err != nil {
					a.steps.Note(label, nil, err)
					continue
				}
				a.rows(label, rows)
			}
		}
		both("before")
		a.exec("add a column", conn, "ALTER TABLE events ADD COLUMN extra int DEFAULT 5")
		both("after")
		a.exec("add a column there", conn, "ALTER TABLE customers ADD COLUMN extra int DEFAULT 6")
		both("after that")
		a.exec("discard", conn, "DISCARD ALL")
		both("discarded")
		a.query("going on", conn, "SELECT * FROM events WHERE kind = $1 ORDER BY id", "copied")
	}},
	{"constraints", func(a *app) {
		a.exec("unique", a.db, insertShort, "Again", mail("bob"), 1)
		a.exec("not null", a.db, insertShort, "Null", nil, 1)
		a.exec("foreign key", a.db, insertOrder, 999, "x", 1, nil)
		a.exec("division", a.db, "SELECT 1/0")
		a.exec("syntax", a.db, "SELECT email\nFORM customers")
		a.exec("no table", a.db, "SELECT email FROM customer WHERE email = $1", "x")
		a.exec("too few arguments", a.db, "SELECT email FROM customers WHERE visits = $1 AND email = $2", 1)
		a.exec("too many arguments", a.db, "SELECT email FROM customers WHERE visits = $1", 1, 2)
		a.query("going on", a.db, "SELECT email FROM customers WHERE visits = $1", 44)
	}},
	{"values that do not fit", func(a *app) {
		for _, each := range [][]any{{"visits", "twelve"}, {"visits", int64(1) << 40}, {"level", 70000}, {"birth", "2024-02-30"}, {"birth", "someday"},
			{"balance", "1e30"}, {"balance", "abc"}, {"ssn", strings.Repeat("1", 12)}, {"email", strings.Repeat("x", 121)}, {"vip", "maybe"}, {"token", "x"},
			{"seen", "2024-13-01"}, {"opens", "25:00"}, {"score", "1e400"}, {"prefs", "{bad"}, {"raw", "[1"}, {"address", "300.1.1.1"}, {"photo", "\\xZZ"},
			{"points", 1.5}, {"visits", true}, {"vip", 1}, {"birth", 12}} {
			a.exec(fmt.Sprint(each...), a.db, fmt.Sprintf("UPDATE customers SET %s = $1 WHERE name = 'Bob'", each[0]), each[1])
		}
	}},
	{"timeouts", func(a *app) {
		conn, err := a.db.Conn(a.ctx)
		check(err)
		a.exec("set", conn, "SET statement_timeout = 100")
		a.exec("sleep", conn, "SELECT email, pg_sleep(5) FROM customers WHERE visits = $1", 44)
		a.exec("reset", conn, "RESET statement_timeout")
		a.query("going on", conn, "SELECT email FROM customers WHERE visits = $1", 44)
		check(conn.Close())
		ctx, cancel := context.WithTimeout(a.ctx, 200*time.Millisecond)
		defer cancel()
		_, err = a.db.ExecContext(ctx, "SELECT email, pg_sleep(10) FROM customers WHERE visits = $1", 44)
		// Whether the cancelled statement's error or the deadline comes first is a race within lib/pq.
		var server *pq.Error
		a.steps.Note("cancelled", errors.Is(err, context.DeadlineExceeded) || errors.As(err, &server) && server.Code == "57014", nil)
		a.query("going on", a.db, "SELECT email FROM customers WHERE visits = $1", 44)
	}},
	{"listen", func(a *app) {
		listener := pq.NewListener(a.url, time.Second, time.Minute, nil)
		a.steps.Note("listen", nil, listener.Listen("changes"))
		a.steps.Note("again", nil, listener.Listen("changes"))
		a.exec("notify", a.db, "NOTIFY changes, 'first'")
		a.exec("pg_notify", a.db, "SELECT pg_notify($1, $2)", "changes", "second é")
		for range 2 {
			select {
			case found := <-listener.Notify:
				a.steps.Note("heard", []any{found.Channel, found.Extra}, nil)
			case <-time.After(10 * time.Second):
				a.steps.Note("heard nothing", nil, nil)
			}
		}
		a.steps.Note("ping", nil, listener.Ping())
		a.steps.Note("unlisten", nil, listener.Unlisten("changes"))
		a.steps.Note("closed", nil, listener.Close())
	}},
	{"notices", func(a *app) {
		connector, err := pq.NewConnector(a.url)
		check(err)
		db := sql.OpenDB(pq.ConnectorWithNoticeHandler(connector, func(notice *pq.Error) {
			a.steps.Note("notice", []any{notice.Severity, string(notice.Code), notice.Message}, nil)
		}))
		defer db.Close()
		a.exec("drop", db, "DROP TABLE IF EXISTS nothing")
		a.exec("do", db, "DO $$ BEGIN RAISE WARNING 'seen %', 1; END $$")
	}},
	{"several sessions", func(a *app) {
		var group sync.WaitGroup
		var lock sync.Mutex
		var found []string
		for i := range 40 {
			group.Add(1)
			go func() {
				defer group.Done()
				card := fmt.Sprint("pool", i, report.Marker)
				_, err := a.db.ExecContext(a.ctx, insertOrder, 2, card, 1, nil)
				var back string
				if err == nil {
					err = a.db.QueryRowContext(a.ctx, "SELECT card FROM orders WHERE card = $1", card).Scan(&back)
				}
				lock.Lock()
				defer lock.Unlock()
				found = append(found, fmt.Sprint(back, " ", err))
			}()
		}
		group.Wait()
		sort.Strings(found)
		a.steps.Note("found", found, nil)
	}},
}
