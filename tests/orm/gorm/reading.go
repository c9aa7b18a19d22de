package main

import (
	"database/sql"
	"sort"

	"github.com/google/uuid"
	"gorm.io/datatypes"
	"gorm.io/gorm"
)

type counted struct {
	Mail *string
	N    int64
}

func reading() []named {
	return []named{
		{"everybody", everybody},
		{"first_last_take", func(db *gorm.DB) (any, error) {
			var first, last, taken Person
			if err := db.First(&first).Error; err != nil {
				return nil, err
			}
			if err := db.Last(&last, "active = ?", true).Error; err != nil {
				return nil, err
			}
			return []Person{first, last, taken}, db.Take(&taken, "ssn = ?", "223-45-6789").Error
		}},
		{"not_found", func(db *gorm.DB) (any, error) {
			return nil, db.First(&Person{}, "email = ?", "nobody@example.org").Error
		}},
		{"filters", func(db *gorm.DB) (any, error) {
			var found [][]int64
			for _, filter := range []*gorm.DB{
				db.Where("email = ?", "ada@example.org"),
				db.Where("email <> ?", "ada@example.org"),
				db.Where(&Person{SSN: of("123-45-6789")}),
				db.Where(&Person{Badge: of(int32(104))}),
				db.Where(map[string]any{"badge": 104, "active": true}),
				db.Where("badge = ?", int64(104)),
				db.Where("token = ?", uuid.MustParse("44444444-4444-4444-8444-444444444444")),
				db.Where("token = ?", "44444444-4444-4444-8444-444444444444"),
				db.Where(map[string]any{"ssn": nil}),
				db.Where("birth IS NOT NULL"),
				db.Not("email = ?", "ada@example.org"),
				db.Not(map[string]any{"badge": []int{101, 102}}),
				db.Where("email IN ?", []string{"ada@example.org", "ben@example.org", "nobody"}),
				db.Where("badge IN (?)", []int32{101, 105}),
				db.Where("email = ANY(?)", "{ada@example.org,x}"),
				db.Where(db.Where("email = ?", "ben@example.org").Or("badge = ?", 101)).Or("city = ?", "Ulm"),
				db.Where("email = @mail OR ssn = @ssn", sql.Named("mail", "ben@example.org"), sql.Named("ssn", "123-45-6789")),
				db.Where("people.email IS NOT DISTINCT FROM ?", "ada@example.org"),
			} {
				list, err := ids(filter)
				if err != nil {
					return nil, err
				}
				found = append(found, list)
			}
			return found, nil
		}},
		{"tuples", func(db *gorm.DB) (any, error) {
			return ids(db.Where("(email, badge) IN ?", [][]any{{"ada@example.org", 101}, {"ben@example.org", 1}}))
		}},
		{"optional_filter", func(db *gorm.DB) (any, error) {
			var found [][]int64
			for _, mail := range []*string{nil, of("ben@example.org")} {
				list, err := ids(db.Where("CAST(@mail AS text) IS NULL OR email = @mail", sql.Named("mail", mail)))
				if err != nil {
					return nil, err
				}
				found = append(found, list)
			}
			return found, nil
		}},
		{"in_subquery", func(db *gorm.DB) (any, error) {
			return ids(db.Where("email IN (?)", db.Model(&Contact{}).Select("mail").Where("kind = ?", "home")))
		}},
		{"in_subquery_of_keys", func(db *gorm.DB) (any, error) {
			return ids(db.Where("id IN (?)", db.Model(&Order{}).Select("person_id").Where("card = ?", "4111 1111 1111 1111")))
		}},
		{"exists", func(db *gorm.DB) (any, error) {
			return ids(db.Where("EXISTS (?)", db.Model(&Contact{}).Select("1").Where("contacts.mail = people.email")))
		}},
		{"select_columns", func(db *gorm.DB) (any, error) {
			var found []map[string]any
			err := db.Model(&Person{}).Select("id", "email AS address", "birth", "salary").Order("id").Find(&found).Error
			return found, err
		}},
		{"smaller_struct", func(db *gorm.DB) (any, error) {
			var found []struct {
				ID    int64
				Email string
				Birth *datatypes.Date
			}
			return &found, db.Model(&Person{}).Order("id").Limit(3).Find(&found).Error
		}},
		{"pluck_and_scan", func(db *gorm.DB) (any, error) {
			var mails []string
			var one string
			if err := db.Model(&Person{}).Order("id").Pluck("email", &mails).Error; err != nil {
				return nil, err
			}
			return []any{mails, &one}, db.Raw("SELECT notes FROM people WHERE email = ?", "ada@example.org").Scan(&one).Error
		}},
		{"preload", func(db *gorm.DB) (any, error) {
			var people []Person
			err := db.Preload("Contacts", func(db *gorm.DB) *gorm.DB { return db.Order("contacts.id") }).Preload("Orders.Lines.Product").Order("id").Find(&people).Error
			return people, err
		}},
		{"preload_with_conditions", func(db *gorm.DB) (any, error) {
			var people []Person
			err := db.Preload("Contacts", "mail = ?", "office@example.org").Where("email IN ?", []string{"ada@example.org", "cem@example.org"}).Order("id").Find(&people).Error
			return people, err
		}},
		{"joins", func(db *gorm.DB) (any, error) {
			var orders []Order
			if err := db.Joins("Person").Order("orders.id").Find(&orders).Error; err != nil {
				return nil, err
			}
			var inner []Contact
			err := db.InnerJoins("Person", db.Where(&Person{Email: "ada@example.org"})).Order("contacts.id").Find(&inner).Error
			return []any{orders, inner}, err
		}},
		{"joins_by_hand", func(db *gorm.DB) (any, error) {
			var found []struct {
				Email string
				Phone *string
				Card  *string
			}
			err := db.Model(&Person{}).Select("people.email, contacts.phone, orders.card").
				Joins("JOIN contacts ON contacts.person_id = people.id AND contacts.mail = people.email").
				Joins("LEFT JOIN orders ON orders.person_id = people.id").Where("people.ssn = ?", "123-45-6789").Order("orders.id").Scan(&found).Error
			return found, err
		}},
		{"counts", func(db *gorm.DB) (any, error) {
			var all, some, ssn int64
			if err := db.Model(&Person{}).Count(&all).Error; err != nil {
				return nil, err
			}
			if err := db.Model(&Person{}).Where("ssn = ?", "123-45-6789").Count(&some).Error; err != nil {
				return nil, err
			}
			return []*int64{&all, &some, &ssn}, db.Model(&Person{}).Select("ssn").Count(&ssn).Error
		}},
		{"count_distinct", func(db *gorm.DB) (any, error) {
			var n int64
			return &n, db.Model(&Contact{}).Distinct("mail").Count(&n).Error
		}},
		{"distinct", func(db *gorm.DB) (any, error) {
			var found []struct {
				Phone *string
				Kind  string
			}
			err := db.Model(&Contact{}).Distinct("phone", "kind").Find(&found).Error
			sort.Slice(found, func(a, b int) bool {
				return found[a].Kind+orNone(found[a].Phone) < found[b].Kind+orNone(found[b].Phone)
			})
			return found, err
		}},
		{"distinct_objects", func(db *gorm.DB) (any, error) {
			var people []Person
			err := db.Distinct().Joins("JOIN contacts ON contacts.person_id = people.id").Where("contacts.kind = ?", "home").Omit("Meta").Order("people.id").Find(&people).Error
			return people, err
		}},
		{"group_by", func(db *gorm.DB) (any, error) {
			var found []counted
			err := db.Model(&Contact{}).Select("mail, count(*) AS n").Group("mail").Having("count(*) > ?", 0).Find(&found).Error
			sort.Slice(found, func(a, b int) bool { return orNone(found[a].Mail) < orNone(found[b].Mail) })
			return found, err
		}},
		{"group_by_plain", func(db *gorm.DB) (any, error) {
			var found []map[string]any
			err := db.Model(&Person{}).Select("city, count(*) AS n, count(ssn) AS with_ssn").Group("city").Order("city").Find(&found).Error
			return found, err
		}},
		{"scalar_subquery", func(db *gorm.DB) (any, error) {
			var found []map[string]any
			newest := db.Model(&Order{}).Select("card").Where("orders.person_id = people.id").Order("id DESC").Limit(1)
			return &found, db.Model(&Person{}).Select("people.id, (?) AS card", newest).Order("people.id").Find(&found).Error
		}},
		{"from_subquery", func(db *gorm.DB) (any, error) {
			var found []struct {
				Email string
				Birth *datatypes.Date
			}
			inner := db.Model(&Person{}).Select("id, email, birth").Where("active")
			return &found, db.Table("(?) AS u", inner).Where("u.email <> ?", "ben@example.org").Order("u.id").Find(&found).Error
		}},
		{"pages", func(db *gorm.DB) (any, error) {
			var pages [][]Person
			for page := range 3 {
				var people []Person
				if err := db.Order("id").Offset(page * 2).Limit(2).Find(&people).Error; err != nil {
					return nil, err
				}
				pages = append(pages, people)
			}
			return pages, nil
		}},
		{"find_in_batches", func(db *gorm.DB) (any, error) {
			var mails, batch = []string{}, []Person{}
			err := db.FindInBatches(&batch, 2, func(*gorm.DB, int) error {
				for _, person := range batch {
					mails = append(mails, person.Email)
				}
				return nil
			}).Error
			return mails, err
		}},
		{"rows", func(db *gorm.DB) (any, error) {
			rows, err := db.Model(&Person{}).Select("*").Order("id").Rows()
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			var people []Person
			for rows.Next() {
				var person Person
				if err := db.ScanRows(rows, &person); err != nil {
					return nil, err
				}
				people = append(people, person)
			}
			return people, rows.Err()
		}},
		{"raw", func(db *gorm.DB) (any, error) {
			var people []Person
			if err := db.Raw("SELECT * FROM people WHERE badge = ? OR email = ? ORDER BY id", 104, "ben@example.org").Scan(&people).Error; err != nil {
				return nil, err
			}
			done := db.Exec("UPDATE people SET notes = ?, birth = ?, salary = ? WHERE ssn = ?", "raw", day(2001, 2, 3), number("1.5"), "123-45-6789")
			return []any{people, done.RowsAffected}, done.Error
		}},
		{"coalesce", func(db *gorm.DB) (any, error) {
			var found []string
			return &found, db.Model(&Person{}).Order("id").Pluck("COALESCE(notes, 'none')", &found).Error
		}},
		{"order_by_sealed", func(db *gorm.DB) (any, error) { return ids(db.Order("email")) }},
		{"like_sealed", func(db *gorm.DB) (any, error) { return ids(db.Where("email LIKE ?", "ada%")) }},
		{"range_of_sealed", func(db *gorm.DB) (any, error) {
			return ids(db.Where("birth BETWEEN ? AND ?", day(1990, 1, 1), day(1990, 12, 31)))
		}},
		{"sum_of_sealed", func(db *gorm.DB) (any, error) {
			var sum *string
			return sum, db.Model(&Person{}).Select("sum(salary)").Scan(&sum).Error
		}},
		{"randomized_compared", func(db *gorm.DB) (any, error) { return ids(db.Where("birth = ?", day(1990, 2, 28))) }},
		{"json_path_in_sealed", func(db *gorm.DB) (any, error) {
			return ids(db.Where(datatypes.JSONQuery("meta").Equals("A+", "blood")))
		}},
	}
}

func orNone(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
