// pgx and lib/pq over TLS.
//
//	door DRIVER PORT DATABASE CA BINDING CHECK MARKER
//
// DRIVER is pgx or pq; lib/pq knows no channel binding.
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"
	_ "github.com/lib/pq"
)

const (
	insert = "INSERT INTO people (name, email, notes) VALUES ('d', $1, $2)"
	query  = "SELECT notes FROM people WHERE email = $1"
)

func throughPgx(conninfo, binding, marker string) (found string, err error) {
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, conninfo+" channel_binding="+binding)
	if err != nil {
		return "", err
	}
	defer connection.Close(ctx)
	if _, err = connection.Exec(ctx, insert, marker+"@x", marker); err != nil {
		return "", err
	}
	err = connection.QueryRow(ctx, query, marker+"@x").Scan(&found)
	return found, err
}

func throughPq(conninfo, marker string) (found string, err error) {
	db, err := sql.Open("postgres", conninfo)
	if err != nil {
		return "", err
	}
	defer db.Close()
	if _, err = db.Exec(insert, marker+"@x", marker); err != nil {
		return "", err
	}
	err = db.QueryRow(query, marker+"@x").Scan(&found)
	return found, err
}

func main() {
	driver, port, database, ca := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	binding, check, marker := os.Args[5], os.Args[6], os.Args[7]
	conninfo := fmt.Sprintf("host=localhost port=%s dbname=%s user=app password=app ", port, database)
	if check == "verify" {
		conninfo += "sslmode=verify-full sslrootcert=" + ca
	} else {
		conninfo += "sslmode=require"
	}
	var found string
	var err error
	if driver == "pgx" {
		found, err = throughPgx(conninfo, binding, marker)
	} else {
		found, err = throughPq(conninfo, marker)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(found)
}
