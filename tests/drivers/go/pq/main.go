// An application with database/sql and lib/pq, as people write them.
//
//	pq URL BINARY
//
// BINARY is lib/pq's binary_parameters: yes (one round trip, the unnamed statement) or no.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lib/pq"

	"pgveil-driver-tests/report"
)

type app struct {
	ctx   context.Context
	url   string
	db    *sql.DB
	steps *report.Steps
}

// The part of database/sql that databases, connections and transactions have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, arguments ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, arguments ...any) *sql.Row
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

type testCase struct {
	name string
	run  func(a *app)
}

func failure(err error) any {
	var server *pq.Error
	if !errors.As(err, &server) {
		return fmt.Sprintf("%T %v", err, err)
	}
	return map[string]any{
		"type": fmt.Sprintf("%T", err), "severity": server.Severity, "code": string(server.Code), "message": server.Message,
		"detail": server.Detail, "hint": server.Hint, "position": server.Position, "where": server.Where, "schema": server.Schema,
		"table": server.Table, "column": server.Column, "data type": server.DataTypeName, "constraint": server.Constraint,
		"text": server.Error(),
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func (a *app) open() *sql.DB {
	db, err := sql.Open("postgres", a.url)
	check(err)
	db.SetMaxOpenConns(4)
	return db
}

// Runs a statement and notes the number of its rows.
func (a *app) exec(label string, db querier, query string, arguments ...any) {
	result, err := db.ExecContext(a.ctx, query, arguments...)
	if err != nil {
		a.steps.Note(label, nil, err)
		return
	}
	count, err := result.RowsAffected()
	a.steps.Note(label, count, err)
}

// Runs a statement and notes its columns and rows, as lib/pq's own types.
func (a *app) query(label string, db querier, query string, arguments ...any) {
	rows, err := db.QueryContext(a.ctx, query, arguments...)
	if err != nil {
		a.steps.Note(label, nil, err)
		return
	}
	a.rows(label, rows)
}

func (a *app) rows(label string, rows *sql.Rows) {
	defer rows.Close()
	for more := true; more; more = rows.NextResultSet() {
		described, err := rows.ColumnTypes()
		if err != nil {
			a.steps.Note(label, nil, err)
			return
		}
		var found []any
		for _, column := range described {
			length, varies := column.Length()
			precision, scale, decimal := column.DecimalSize()
			found = append(found, fmt.Sprint(column.Name(), " ", column.DatabaseTypeName(), " ", column.ScanType(), " ", length, varies, precision, scale, decimal))
		}
		for rows.Next() {
			values := make([]any, len(described))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				a.steps.Note(label, nil, err)
				return
			}
			for i, value := range values {
				values[i] = *value.(*any)
			}
			found = append(found, values)
		}
		a.steps.Note(label, found, rows.Err())
	}
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
	a.steps.Note("connections in use", a.db.Stats().InUse, nil)
	a.steps.Print(each.name)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	a := &app{ctx: ctx, url: os.Args[1] + "?sslmode=disable&binary_parameters=" + os.Args[2]}
	a.db = a.open()
	for _, group := range [][]testCase{writing, reading, flow} {
		for _, each := range group {
			a.run(each)
		}
	}
	check(a.db.Close())
}
