// GORM's cases over pgx, with prepared statements (its default protocol).
//
//	gorm create CONNINFO          makes the tables
//	gorm run CONNINFO [CASE...]   the cases, one line of JSON each (see report.py)
package main

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Texts is a text[] for GORM.
type Texts []string

func (t *Texts) Scan(source any) error {
	var found []string
	if err := pgtype.NewMap().SQLScanner(&found).Scan(source); err != nil {
		return err
	}
	*t = found
	return nil
}

func (t Texts) Value() (driver.Value, error) {
	text, err := pgtype.NewMap().Encode(pgtype.TextArrayOID, pgtype.TextFormatCode, []string(t), nil)
	return string(text), err
}

type named struct {
	name string
	run  func(db *gorm.DB) (any, error)
}

var code = regexp.MustCompile(`(?:pgveil: |See )([a-z]+/[a-z-]+)`)

func failure(line map[string]any, err error) {
	var server *pgconn.PgError
	line["error"] = fmt.Sprintf("%T", err)
	line["sqlstate"] = nil
	if !errors.As(err, &server) {
		line["message"] = err.Error()
		return
	}
	line["sqlstate"] = server.Code
	if server.Code[:2] == "0A" || server.Code[:2] == "XX" {
		line["message"] = server.Message
		if found := code.FindStringSubmatch(server.Hint); found != nil {
			line["refused"] = found[1]
		}
	}
}

func outcome(db *gorm.DB, each named) map[string]any {
	line := map[string]any{"case": each.name}
	result, err := each.run(db)
	if err != nil {
		failure(line, err)
		return line
	}
	text, err := json.Marshal(result)
	check(err)
	line["result"] = string(text)
	return line
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func chosen(name string, names []string) bool {
	for _, each := range names {
		if each == name {
			return true
		}
	}
	return len(names) == 0
}

func main() {
	command, conninfo, names := os.Args[1], os.Args[2], os.Args[3:]
	config := &gorm.Config{
		Logger:         logger.Discard,
		TranslateError: false,
		PrepareStmt:    os.Getenv("PREPARE") == "yes",
		NowFunc:        func() time.Time { return time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC) },
	}
	db, err := gorm.Open(postgres.Open(conninfo+" sslmode=disable TimeZone=UTC"), config)
	check(err)
	pool, err := db.DB()
	check(err)
	pool.SetMaxOpenConns(1)
	if command == "create" {
		check(db.AutoMigrate(&Person{}, &Contact{}, &Order{}, &Product{}, &OrderLine{}))
		return
	}
	seed, err := os.ReadFile(os.Getenv("ORM_SEED"))
	check(err)
	out := json.NewEncoder(os.Stdout)
	for _, each := range cases() {
		if !chosen(each.name, names) {
			continue
		}
		check(db.Session(&gorm.Session{PrepareStmt: false}).Exec(fmt.Sprintf("/* seed: %s */ %s /* case: %s */", each.name, seed, each.name)).Error)
		check(out.Encode(outcome(db, each)))
	}
}
