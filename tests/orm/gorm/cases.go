package main

import (
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/shopspring/decimal"
	"gorm.io/datatypes"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

var token = uuid.MustParse("99999999-9999-4999-8999-999999999999")
var june = time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)

func of[T any](value T) *T { return &value }

func day(year, month, date int) *datatypes.Date {
	return of(datatypes.Date(time.Date(year, time.Month(month), date, 0, 0, 0, 0, time.UTC)))
}

func number(text string) *decimal.Decimal { return of(decimal.RequireFromString(text)) }

func everybody(db *gorm.DB) (any, error) {
	var people []Person
	err := db.Order("id").Find(&people).Error
	return people, err
}

func ids(db *gorm.DB) ([]int64, error) {
	var found []int64
	err := db.Model(&Person{}).Order("people.id").Pluck("people.id", &found).Error
	return found, err
}

func newPeople(count int) []Person {
	people := make([]Person, count)
	for i := range people {
		people[i] = Person{
			Name: fmt.Sprintf("New %d", i), Email: fmt.Sprintf("new%d@example.org", i), Birth: day(1970, 1, 1+i%28),
			Badge: of(int32(500 + i)), Created: june, Tags: Texts{}, Active: true,
		}
		if i%3 != 0 {
			people[i].SSN = of(fmt.Sprintf("9%02d-00-0000", i%100))
		}
		if i%4 != 0 {
			people[i].Salary = number(fmt.Sprintf("%d.25", i))
		}
		if i%2 != 0 {
			people[i].Notes, people[i].Token = of(fmt.Sprintf("it's %d \\", i)), &token
			people[i].Meta, people[i].Seen = datatypes.JSON(fmt.Sprintf(`{"i": %d}`, i)), of(june.Add(time.Duration(i)*time.Hour))
		}
	}
	return people
}

func cases() []named {
	return append(append(writing(), upserting()...), reading()...)
}

func writing() []named {
	return []named{
		{"create", func(db *gorm.DB) (any, error) {
			person := newPeople(2)[1]
			if err := db.Create(&person).Error; err != nil {
				return nil, err
			}
			var again Person
			return []*Person{&person, &again}, db.First(&again, person.ID).Error
		}},
		{"create_with_associations", func(db *gorm.DB) (any, error) {
			person := Person{
				Name: "Hal", Email: "hal@example.org", Created: june, Tags: Texts{"a"},
				Contacts: []Contact{{Kind: "home", Mail: of("hal@example.org"), Phone: of("1")}, {Kind: "work", Comment: of("c")}},
				Orders:   []Order{{Number: 2001, Status: "open", Placed: june, Card: of("4000"), Remark: of("r")}},
			}
			if err := db.Create(&person).Error; err != nil {
				return nil, err
			}
			var again Person
			return &again, db.Preload("Contacts").Preload("Orders").First(&again, person.ID).Error
		}},
		{"create_in_batches", func(db *gorm.DB) (any, error) {
			people := newPeople(25)
			if err := db.CreateInBatches(&people, 10).Error; err != nil {
				return nil, err
			}
			return everybody(db)
		}},
		{"create_from_map", func(db *gorm.DB) (any, error) {
			err := db.Model(&Contact{}).Create(&[]map[string]any{
				{"PersonID": 1, "Kind": "x", "Mail": "m1@example.org"}, {"PersonID": 2, "Kind": "y", "Mail": nil},
			}).Error
			if err != nil {
				return nil, err
			}
			var contacts []Contact
			return &contacts, db.Order("id").Find(&contacts).Error
		}},
		{"save", func(db *gorm.DB) (any, error) {
			var person Person
			if err := db.Where("email = ?", "ada@example.org").First(&person).Error; err != nil {
				return nil, err
			}
			person.Email, person.Salary, person.Birth = "ada@example.net", nil, day(2000, 1, 1)
			if err := db.Save(&person).Error; err != nil {
				return nil, err
			}
			return everybody(db)
		}},
		{"update_columns", func(db *gorm.DB) (any, error) {
			var found []int64
			for _, done := range []*gorm.DB{
				db.Model(&Person{}).Where("email = ?", "ada@example.org").Update("notes", "n"),
				db.Model(&Person{ID: 2}).Updates(Person{SSN: of("000-00-0000"), Salary: number("7.5"), Seen: &june}),
				db.Model(&Person{}).Where(map[string]any{"ssn": "123-45-6789"}).Updates(map[string]any{"birth": nil, "meta": datatypes.JSON(`{"x": 1}`), "token": token}),
				db.Model(&Order{}).Where("card IN ?", []string{"4111 1111 1111 1111", "none"}).UpdateColumn("status", "held"),
			} {
				if done.Error != nil {
					return nil, done.Error
				}
				found = append(found, done.RowsAffected)
			}
			people, err := everybody(db)
			return []any{found, people}, err
		}},
		{"update_returning", func(db *gorm.DB) (any, error) {
			var people []Person
			err := db.Model(&people).Clauses(clause.Returning{Columns: []clause.Column{{Name: "id"}, {Name: "email"}, {Name: "notes"}}}).Where("city = ?", "Bremen").Update("notes", "moved").Error
			sort.Slice(people, func(a, b int) bool { return people[a].ID < people[b].ID })
			return people, err
		}},
		{"update_with_an_expression_of_plain", func(db *gorm.DB) (any, error) {
			done := db.Model(&Order{}).Where("card = ?", "4111 1111 1111 1111").Updates(map[string]any{"total": gorm.Expr("total * ? + ?", 2, 1), "remark": "doubled"})
			return done.RowsAffected, done.Error
		}},
		{"update_with_an_expression_of_sealed", func(db *gorm.DB) (any, error) {
			return nil, db.Model(&Person{}).Where("id = 1").Update("salary", gorm.Expr("salary + ?", 1)).Error
		}},
		{"update_from_subquery", func(db *gorm.DB) (any, error) {
			from := db.Model(&Person{}).Select("name").Where("people.id = orders.person_id")
			done := db.Model(&Order{}).Where("card IS NOT NULL").Update("status", gorm.Expr("substr((?), 1, 12)", from))
			return done.RowsAffected, done.Error
		}},
		{"delete", func(db *gorm.DB) (any, error) {
			var found []int64
			for _, done := range []*gorm.DB{
				db.Where("mail = ?", "office@example.org").Delete(&Contact{}),
				db.Delete(&Person{}, 1),
				db.Delete(&Contact{}, []int64{3, 5}),
			} {
				if done.Error != nil {
					return nil, done.Error
				}
				found = append(found, done.RowsAffected)
			}
			people, err := everybody(db)
			return []any{found, people}, err
		}},
		{"delete_returning", func(db *gorm.DB) (any, error) {
			var gone []Contact
			err := db.Clauses(clause.Returning{}).Where("phone = ?", "0421 2").Delete(&gone).Error
			sort.Slice(gone, func(a, b int) bool { return gone[a].ID < gone[b].ID })
			return gone, err
		}},
		{"transaction_with_lock", func(db *gorm.DB) (any, error) {
			var person Person
			var skipped []Order
			err := db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where(&Person{Email: "ada@example.org"}).First(&person).Error; err != nil {
					return err
				}
				person.Notes = of("locked")
				if err := tx.Save(&person).Error; err != nil {
					return err
				}
				return tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Where("card = ?", "4111 1111 1111 1111").Order("id").Find(&skipped).Error
			})
			return []any{person, skipped}, err
		}},
		{"savepoints", func(db *gorm.DB) (any, error) {
			var found []bool
			err := db.Transaction(func(tx *gorm.DB) error {
				for _, email := range []string{"ada@example.org", "new@example.org"} {
					inner := tx.Transaction(func(tx *gorm.DB) error {
						return tx.Create(&Person{Name: "maybe", Email: email, Created: june, Tags: Texts{}}).Error
					})
					found = append(found, inner == nil)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			people, err := everybody(db)
			return []any{found, people}, err
		}},
		{"rolled_back", func(db *gorm.DB) (any, error) {
			var inside, after int64
			stop := errors.New("stop")
			err := db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Create(&Person{Name: "gone", Email: "gone@example.org", Created: june, Tags: Texts{}}).Error; err != nil {
					return err
				}
				if err := tx.Model(&Person{}).Where("email = ?", "gone@example.org").Count(&inside).Error; err != nil {
					return err
				}
				return stop
			})
			if !errors.Is(err, stop) {
				return nil, err
			}
			err = db.Model(&Person{}).Where("email = ?", "gone@example.org").Count(&after).Error
			return []int64{inside, after}, err
		}},
		{"unique_violation", func(db *gorm.DB) (any, error) {
			err := db.Create(&Person{Name: "dup", Email: "ada@example.org", Created: june, Tags: Texts{}}).Error
			var server *pgconn.PgError
			if errors.As(err, &server) && server.Code == "23505" {
				return []string{server.Code, server.ConstraintName, server.TableName}, nil
			}
			return nil, err
		}},
		{"too_long", func(db *gorm.DB) (any, error) {
			return nil, db.Create(&Contact{PersonID: 1, Kind: "x", Phone: of("1234567890123456789012345678901")}).Error
		}},
		{"associations", func(db *gorm.DB) (any, error) {
			var person Person
			if err := db.First(&person, 2).Error; err != nil {
				return nil, err
			}
			if err := db.Model(&person).Association("Contacts").Append(&Contact{Kind: "new", Mail: of("n@example.org")}); err != nil {
				return nil, err
			}
			var found []Contact
			if err := db.Model(&person).Order("id").Association("Contacts").Find(&found); err != nil {
				return nil, err
			}
			return []any{found, db.Model(&person).Association("Orders").Count()}, nil
		}},
	}
}

func upserting() []named {
	return []named{
		{"upsert_do_nothing", func(db *gorm.DB) (any, error) {
			people := append(newPeople(2), Person{Name: "dup", Email: "ada@example.org", Created: june, Tags: Texts{}})
			if err := db.Clauses(clause.OnConflict{DoNothing: true}).Create(&people).Error; err != nil {
				return nil, err
			}
			return everybody(db)
		}},
		{"upsert_update_all", func(db *gorm.DB) (any, error) {
			people := []Person{{ID: 1, Name: "Ada II", Email: "ada2@example.org", Notes: of("up"), Created: june, Tags: Texts{}}, {ID: 90, Name: "Ida", Email: "ida@example.org", Created: june, Tags: Texts{}}}
			if err := db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&people).Error; err != nil {
				return nil, err
			}
			return everybody(db)
		}},
		{"upsert_by_a_sealed_column", func(db *gorm.DB) (any, error) {
			people := []Person{{Name: "Ada II", Email: "ada@example.org", Notes: of("up"), Badge: of(int32(801)), Created: june, Tags: Texts{}}, {Name: "Ida", Email: "ida@example.org", Created: june, Tags: Texts{}}}
			err := db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "email"}}, DoUpdates: clause.AssignmentColumns([]string{"name", "notes", "badge", "salary"})}).Create(&people).Error
			if err != nil {
				return nil, err
			}
			var found []Person
			return &found, db.Omit("id").Order("name").Find(&found).Error
		}},
		{"upsert_with_values", func(db *gorm.DB) (any, error) {
			order := Order{Number: 1001, Status: "paid", Placed: june, Card: of("c"), Remark: of("r")}
			err := db.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "number"}}, DoUpdates: clause.Assignments(map[string]any{"card": "assigned", "remark": nil, "total": gorm.Expr("orders.total + excluded.total")})}).Create(&order).Error
			if err != nil {
				return nil, err
			}
			var orders []Order
			return &orders, db.Order("id").Find(&orders).Error
		}},
		{"first_or_create", func(db *gorm.DB) (any, error) {
			var found, made Person
			if err := db.Where(Person{Email: "ben@example.org"}).Attrs(Person{Name: "no"}).FirstOrCreate(&found).Error; err != nil {
				return nil, err
			}
			if err := db.Where(Person{Email: "new@example.org"}).Attrs(Person{Name: "New", Created: june, Tags: Texts{}, SSN: of("999-99-9999")}).FirstOrCreate(&made).Error; err != nil {
				return nil, err
			}
			var changed Person
			err := db.Where(Person{Email: "ben@example.org"}).Assign(Person{Notes: of("assigned")}).FirstOrCreate(&changed).Error
			return []Person{found, made, changed}, err
		}},
		{"first_or_init", func(db *gorm.DB) (any, error) {
			var person Person
			return &person, db.Where(Person{Email: "nobody@example.org"}).Attrs(Person{Name: "n"}).FirstOrInit(&person).Error
		}},
	}
}
