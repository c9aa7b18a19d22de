// The models, as an application of GORM declares them. No word of encryption.
package main

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"gorm.io/datatypes"
)

type Person struct {
	ID       int64
	Name     string           `gorm:"type:varchar(80);not null"`
	Email    string           `gorm:"type:varchar(120);not null;uniqueIndex:people_email_key"`
	SSN      *string          `gorm:"column:ssn;type:char(11)"`
	Birth    *datatypes.Date  `gorm:"type:date"`
	Salary   *decimal.Decimal `gorm:"type:numeric(10,2)"`
	Notes    *string          `gorm:"type:text"`
	Badge    *int32           `gorm:"type:integer;uniqueIndex:people_badge_key"`
	Token    *uuid.UUID       `gorm:"type:uuid"`
	Meta     datatypes.JSON   `gorm:"type:jsonb"`
	Seen     *time.Time       `gorm:"type:timestamptz"`
	City     string           `gorm:"type:varchar(40);not null"`
	Active   bool             `gorm:"not null"`
	Tags     Texts            `gorm:"type:text[];not null"`
	Created  time.Time        `gorm:"type:timestamptz;not null"`
	Contacts []Contact        `gorm:"constraint:OnDelete:CASCADE"`
	Orders   []Order          `gorm:"constraint:OnDelete:SET NULL"`
}

func (Person) TableName() string { return "people" }

type Contact struct {
	ID       int64
	PersonID int64   `gorm:"not null;index"`
	Kind     string  `gorm:"type:varchar(20);not null"`
	Mail     *string `gorm:"type:text"`
	Phone    *string `gorm:"type:varchar(30)"`
	Comment  *string `gorm:"type:text"`
	Person   *Person
}

type Order struct {
	ID       int64
	PersonID *int64          `gorm:"index"`
	Number   int32           `gorm:"not null;unique"`
	Status   string          `gorm:"type:varchar(12);not null"`
	Total    decimal.Decimal `gorm:"type:numeric(10,2);not null"`
	Placed   time.Time       `gorm:"type:timestamptz;not null"`
	Card     *string         `gorm:"type:varchar(25)"`
	Remark   *string         `gorm:"type:text"`
	Person   *Person
	Lines    []OrderLine
}

type Product struct {
	ID    uuid.UUID       `gorm:"type:uuid;primaryKey"`
	Sku   string          `gorm:"type:varchar(20);not null;unique"`
	Label string          `gorm:"type:varchar(80);not null"`
	Price decimal.Decimal `gorm:"type:numeric(10,2);not null"`
}

type OrderLine struct {
	ID        int64
	OrderID   int64     `gorm:"not null"`
	ProductID uuid.UUID `gorm:"type:uuid;not null"`
	Quantity  int32     `gorm:"not null"`
	Order     *Order
	Product   *Product
}
