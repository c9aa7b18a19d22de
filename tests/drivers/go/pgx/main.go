// An application with pgx, as people write them: models, CRUD, upsert, bulk load, transactions, LISTEN.
//
//	pgx URL MODE
//
// MODE is pgx's default_query_exec_mode: cache_statement, cache_describe, describe_exec, exec or simple_protocol.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgveil-driver-tests/report"
)

type app struct {
	ctx    context.Context
	config *pgx.ConnConfig
	conn   *pgx.Conn
	mode   string
	steps  *report.Steps
}

// The part of pgx that connections, transactions and pools have in common.
type querier interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

type testCase struct {
	name string
	run  func(a *app)
}

func failure(err error) any {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return fmt.Sprintf("%T %v", err, err)
	}
	return map[string]any{
		"type": fmt.Sprintf("%T", err), "severity": server.Severity, "code": server.Code, "message": server.Message,
		"detail": server.Detail, "hint": server.Hint, "position": server.Position, "internal": server.InternalQuery,
		"where": server.Where, "schema": server.SchemaName, "table": server.TableName, "column": server.ColumnName,
		"data type": server.DataTypeName, "constraint": server.ConstraintName,
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func (a *app) connect() *pgx.Conn {
	conn, err := pgx.ConnectConfig(a.ctx, a.config.Copy())
	check(err)
	return conn
}

// Runs a statement and notes its command tag.
func (a *app) exec(label string, db querier, sql string, arguments ...any) {
	tag, err := db.Exec(a.ctx, sql, arguments...)
	a.steps.Note(label, tag.String(), err)
}

// Runs a statement and notes its columns, rows (as pgx's own types) and command tag.
func (a *app) query(label string, db querier, sql string, arguments ...any) {
	rows, err := db.Query(a.ctx, sql, arguments...)
	if err != nil {
		a.steps.Note(label, nil, err)
		return
	}
	defer rows.Close()
	found := []any{columns(rows)}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			a.steps.Note(label+" row", nil, err)
			return
		}
		found = append(found, values)
	}
	found = append(found, rows.CommandTag().String())
	a.steps.Note(label, found, rows.Err())
}

// What a program sees of the result's columns. User tables' OIDs differ from database to database.
func columns(rows pgx.Rows) []any {
	return fields(rows.FieldDescriptions())
}

func fields(described []pgconn.FieldDescription) []any {
	var all []any
	for _, field := range described {
		all = append(all, fmt.Sprint(field.Name, " ", field.DataTypeOID, " ", field.DataTypeSize, " ", field.TypeModifier, " ",
			field.Format, " ", field.TableOID != 0, " ", field.TableAttributeNumber))
	}
	return all
}

func (a *app) run(each testCase) {
	a.steps = report.New(failure)
	func() {
		defer func() {
			if broken := recover(); broken != nil {
				err, ok := broken.(error)
				if !ok {
					err = fmt.Errorf("%v", broken)
				}
				a.steps.Note("broke off", nil, err)
			}
		}()
		each.run(a)
	}()
	if a.conn.IsClosed() {
		a.steps.Note("connection", "closed", nil)
		a.conn = a.connect()
	} else if status := a.conn.PgConn().TxStatus(); status != 'I' {
		a.steps.Note("transaction", string(status), nil)
		a.exec("rollback", a.conn, "ROLLBACK")
	}
	a.steps.Print(each.name)
}

func main() {
	// A hanging application fails rather than blocking all tests.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	config, err := pgx.ParseConfig(os.Args[1] + "?default_query_exec_mode=" + os.Args[2])
	check(err)
	a := &app{ctx: ctx, config: config, mode: os.Args[2]}
	a.conn = a.connect()
	for _, group := range [][]testCase{inserting, reading, finding, changing, bulk, transactions, prepared, failing, sessions, types} {
		for _, each := range group {
			a.run(each)
		}
	}
	check(a.conn.Close(ctx))
}
