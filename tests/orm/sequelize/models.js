// The models, as an application of Sequelize declares them. No word of encryption.
"use strict";

const { DataTypes } = require("sequelize");

function define(db) {
  const options = { timestamps: false };
  const key = { type: DataTypes.BIGINT, primaryKey: true, autoIncrement: true, autoIncrementIdentity: true };
  const Person = db.define(
    "Person",
    {
      id: key,
      name: { type: DataTypes.STRING(80), allowNull: false },
      email: { type: DataTypes.STRING(120), allowNull: false, unique: true },
      ssn: DataTypes.CHAR(11),
      birth: DataTypes.DATEONLY,
      salary: DataTypes.DECIMAL(10, 2),
      notes: DataTypes.TEXT,
      badge: { type: DataTypes.INTEGER, unique: true },
      token: DataTypes.UUID,
      meta: DataTypes.JSONB,
      seen: DataTypes.DATE,
      city: { type: DataTypes.STRING(40), allowNull: false, defaultValue: "" },
      active: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: true },
      tags: { type: DataTypes.ARRAY(DataTypes.TEXT), allowNull: false, defaultValue: [] },
      created: { type: DataTypes.DATE, allowNull: false, defaultValue: () => new Date("2024-06-01T00:00:00Z") },
    },
    { ...options, tableName: "people" },
  );
  const Contact = db.define(
    "Contact",
    {
      id: key,
      kind: { type: DataTypes.STRING(20), allowNull: false },
      mail: DataTypes.TEXT,
      phone: DataTypes.STRING(30),
      comment: DataTypes.TEXT,
    },
    { ...options, tableName: "contacts" },
  );
  const Order = db.define(
    "Order",
    {
      id: key,
      number: { type: DataTypes.INTEGER, allowNull: false, unique: true },
      status: { type: DataTypes.STRING(12), allowNull: false },
      total: { type: DataTypes.DECIMAL(10, 2), allowNull: false },
      placed: { type: DataTypes.DATE, allowNull: false },
      card: DataTypes.STRING(25),
      remark: DataTypes.TEXT,
    },
    { ...options, tableName: "orders" },
  );
  const Product = db.define(
    "Product",
    {
      id: { type: DataTypes.UUID, primaryKey: true },
      sku: { type: DataTypes.STRING(20), allowNull: false, unique: true },
      label: { type: DataTypes.STRING(80), allowNull: false },
      price: { type: DataTypes.DECIMAL(10, 2), allowNull: false },
    },
    { ...options, tableName: "products" },
  );
  const OrderLine = db.define(
    "OrderLine",
    { id: key, quantity: { type: DataTypes.INTEGER, allowNull: false } },
    { ...options, tableName: "order_lines" },
  );
  const person = { name: "person_id", allowNull: false };
  Person.hasMany(Contact, { as: "contacts", foreignKey: person, onDelete: "CASCADE" });
  Contact.belongsTo(Person, { as: "person", foreignKey: person });
  Person.hasMany(Order, { as: "orders", foreignKey: "person_id" });
  Order.belongsTo(Person, { as: "person", foreignKey: "person_id" });
  Order.belongsToMany(Product, { as: "products", through: { model: OrderLine, unique: false }, foreignKey: "order_id", otherKey: "product_id" });
  Product.belongsToMany(Order, { as: "orders", through: { model: OrderLine, unique: false }, foreignKey: "product_id", otherKey: "order_id" });
  Order.hasMany(OrderLine, { as: "lines", foreignKey: "order_id" });
  return { Person, Contact, Order, Product, OrderLine };
}

module.exports = { define };
