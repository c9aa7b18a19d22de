// The models, as an application of TypeORM declares them (in plain JavaScript). No word of encryption.
"use strict";

const { EntitySchema } = require("typeorm");

const id = { type: "bigint", primary: true, generated: "identity", generatedIdentity: "BY DEFAULT" };
const person = (inverseSide, nullable, onDelete) => ({
  type: "many-to-one", target: "Person", joinColumn: { name: "person_id" }, inverseSide, nullable, onDelete,
});

const Person = new EntitySchema({
  name: "Person",
  tableName: "people",
  columns: {
    id,
    name: { type: "varchar", length: 80 },
    email: { type: "varchar", length: 120, unique: true },
    ssn: { type: "char", length: 11, nullable: true },
    birth: { type: "date", nullable: true },
    salary: { type: "numeric", precision: 10, scale: 2, nullable: true },
    notes: { type: "text", nullable: true },
    badge: { type: "integer", unique: true, nullable: true },
    token: { type: "uuid", nullable: true },
    meta: { type: "jsonb", nullable: true },
    seen: { type: "timestamptz", nullable: true },
    city: { type: "varchar", length: 40, default: "" },
    active: { type: "boolean", default: true },
    tags: { type: "text", array: true, default: "{}" },
    created: { type: "timestamptz", default: "2024-06-01 00:00:00+00" },
  },
  relations: {
    contacts: { type: "one-to-many", target: "Contact", inverseSide: "person", cascade: true },
    orders: { type: "one-to-many", target: "Order", inverseSide: "person" },
  },
});

const Contact = new EntitySchema({
  name: "Contact",
  tableName: "contacts",
  columns: {
    id,
    kind: { type: "varchar", length: 20 },
    mail: { type: "text", nullable: true },
    phone: { type: "varchar", length: 30, nullable: true },
    comment: { type: "text", nullable: true },
  },
  relations: { person: person("contacts", false, "CASCADE") },
});

const Order = new EntitySchema({
  name: "Order",
  tableName: "orders",
  columns: {
    id,
    number: { type: "integer", unique: true },
    status: { type: "varchar", length: 12 },
    total: { type: "numeric", precision: 10, scale: 2 },
    placed: { type: "timestamptz" },
    card: { type: "varchar", length: 25, nullable: true },
    remark: { type: "text", nullable: true },
  },
  relations: {
    person: person("orders", true, "SET NULL"),
    lines: { type: "one-to-many", target: "OrderLine", inverseSide: "order" },
  },
});

const Product = new EntitySchema({
  name: "Product",
  tableName: "products",
  columns: {
    id: { type: "uuid", primary: true },
    sku: { type: "varchar", length: 20, unique: true },
    label: { type: "varchar", length: 80 },
    price: { type: "numeric", precision: 10, scale: 2 },
  },
});

const OrderLine = new EntitySchema({
  name: "OrderLine",
  tableName: "order_lines",
  columns: { id, quantity: { type: "integer" } },
  relations: {
    order: { type: "many-to-one", target: "Order", joinColumn: { name: "order_id" }, inverseSide: "lines", onDelete: "CASCADE" },
    product: { type: "many-to-one", target: "Product", joinColumn: { name: "product_id" } },
  },
});

module.exports = { Person, Contact, Order, Product, OrderLine };
