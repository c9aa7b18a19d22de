// The models, as an application of Drizzle declares them. No word of encryption.
"use strict";

const { relations } = require("drizzle-orm");
const { bigint, boolean, char, date, integer, jsonb, numeric, pgTable, text, timestamp, uuid, varchar } = require("drizzle-orm/pg-core");

const id = () => bigint("id", { mode: "number" }).primaryKey().generatedByDefaultAsIdentity();
const instant = (name) => timestamp(name, { withTimezone: true });

const people = pgTable("people", {
  id: id(),
  name: varchar("name", { length: 80 }).notNull(),
  email: varchar("email", { length: 120 }).notNull().unique(),
  ssn: char("ssn", { length: 11 }),
  birth: date("birth"),
  salary: numeric("salary", { precision: 10, scale: 2 }),
  notes: text("notes"),
  badge: integer("badge").unique(),
  token: uuid("token"),
  meta: jsonb("meta"),
  seen: instant("seen"),
  city: varchar("city", { length: 40 }).notNull().default(""),
  active: boolean("active").notNull().default(true),
  tags: text("tags").array().notNull().default([]),
  created: instant("created").notNull().default(new Date("2024-06-01T00:00:00Z")),
});

const contacts = pgTable("contacts", {
  id: id(),
  person: bigint("person_id", { mode: "number" }).notNull().references(() => people.id, { onDelete: "cascade" }),
  kind: varchar("kind", { length: 20 }).notNull(),
  mail: text("mail"),
  phone: varchar("phone", { length: 30 }),
  comment: text("comment"),
});

const orders = pgTable("orders", {
  id: id(),
  person: bigint("person_id", { mode: "number" }).references(() => people.id, { onDelete: "set null" }),
  number: integer("number").notNull().unique(),
  status: varchar("status", { length: 12 }).notNull(),
  total: numeric("total", { precision: 10, scale: 2 }).notNull(),
  placed: instant("placed").notNull(),
  card: varchar("card", { length: 25 }),
  remark: text("remark"),
});

const contactsOfPeople = relations(people, ({ many }) => ({ contacts: many(contacts), orders: many(orders) }));
const personOfContact = relations(contacts, ({ one }) => ({ owner: one(people, { fields: [contacts.person], references: [people.id] }) }));
const personOfOrder = relations(orders, ({ one }) => ({ owner: one(people, { fields: [orders.person], references: [people.id] }) }));

module.exports = { people, contacts, orders, contactsOfPeople, personOfContact, personOfOrder };
