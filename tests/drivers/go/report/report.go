// Package report prints what a case has seen: a line of JSON each, the same from run to run.
package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"
)

// Marker is written into a value of each sealed text column; the harness looks for it in the server's log.
const Marker = "Qx7Zkw"

// Failure tells what a program can see of a driver's error.
type Failure func(err error) any

// Steps collects what the statements of one case have seen.
type Steps struct {
	failure Failure
	found   []any
}

// New starts a case.
func New(failure Failure) *Steps { return &Steps{failure: failure} }

// Note adds what a step has seen, or its error.
func (s *Steps) Note(label string, value any, err error) {
	if err != nil {
		s.found = append(s.found, []any{label, "failed", s.failure(err)})
		return
	}
	s.found = append(s.found, []any{label, Show(value)})
}

// Print writes the case's line, its name in one word, as refused.txt has it.
func (s *Steps) Print(name string) {
	line := map[string]any{"case": strings.ReplaceAll(name, " ", "-"), "seen": s.found}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		panic(err)
	}
}

// Show turns a value into JSON that tells its Go type too.
func Show(value any) any {
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		return "string " + short([]byte(v), v)
	case []byte:
		if v == nil {
			return "[]byte(nil)"
		}
		return "[]byte " + short(v, hex.EncodeToString(v))
	case time.Time:
		return "time " + v.Format(time.RFC3339Nano) + " " + v.Location().String()
	}
	return byKind(reflect.ValueOf(value))
}

func byKind(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v.Type().String() + "(nil)"
		}
		if printed(v.Type()) {
			break
		}
		return []any{"pointer", Show(v.Elem().Interface())}
	case reflect.Slice:
		if printed(v.Type()) {
			break
		}
		all := []any{}
		for i := range v.Len() {
			all = append(all, Show(v.Index(i).Interface()))
		}
		return all
	case reflect.Map:
		all := map[string]any{}
		for _, key := range v.MapKeys() {
			all[fmt.Sprint(key.Interface())] = Show(v.MapIndex(key).Interface())
		}
		return all
	case reflect.Struct:
		if v.Type().PkgPath() != "main" {
			break
		}
		all := map[string]any{}
		for i := range v.NumField() {
			all[v.Type().Field(i).Name] = Show(v.Field(i).Interface())
		}
		return all
	}
	text := fmt.Sprintf("%v", v.Interface())
	return v.Type().String() + " " + short([]byte(text), text)
}

// Types that print themselves.
func printed(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[fmt.Stringer]())
}

func short(content []byte, text string) string {
	if len(content) <= 400 {
		return text
	}
	digest := sha256.Sum256(content)
	return fmt.Sprintf("%d bytes %s", len(content), hex.EncodeToString(digest[:8]))
}
