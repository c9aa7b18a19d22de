// Sequelize's cases over node-postgres.
"use strict";

const { Sequelize, Op, col, fn, literal, where, QueryTypes, Transaction } = require("sequelize");
const { main } = require("../report.js");
const { define } = require("./models.js");

const TOKEN = "99999999-9999-4999-8999-999999999999";
let db, Person, Contact, Order, Product, OrderLine;

async function connect(target) {
  db = new Sequelize(target.dbname, target.user, target.password, {
    host: target.host, port: Number(target.port), dialect: "postgres", logging: false, pool: { max: 1 },
  });
  ({ Person, Contact, Order, Product, OrderLine } = define(db));
  return { create: () => db.sync(), seed: (sql) => db.query(sql, { raw: true }), close: () => db.close() };
}

const plain = (found) => (Array.isArray(found) ? found.map(plain) : found && found.get({ plain: true }));
const everybody = async () => plain(await Person.findAll({ order: ["id"] }));
const ids = async (condition) => (await Person.findAll({ attributes: ["id"], where: condition, order: ["id"] })).map((p) => p.id);
const newPeople = (count) =>
  Array.from({ length: count }, (_, i) => ({
    name: `New ${i}`, email: `new${i}@example.org`, ssn: i % 3 ? `90${i}-00-0000` : null, birth: `1970-01-0${1 + (i % 9)}`,
    salary: i % 4 ? `${250 + i}.25` : null, notes: i % 2 ? `it's "${i}" \\ $1 :x` : null, badge: 500 + i, meta: { i, s: "'" },
    token: i % 2 ? TOKEN : null, seen: new Date(Date.UTC(2024, 4, 5, 12, i)),
  }));

const cases = {
  async create() {
    const person = await Person.create({
      name: "Fay", email: "fay@example.org", ssn: "323-45-6789", birth: "1999-12-31", salary: 1234.5, notes: "it's first \\", badge: 7,
      token: TOKEN, meta: { a: [1, null, "x'"] }, seen: new Date("2024-05-05T12:30:00Z"), tags: ["a", "b c"],
    });
    return [plain(person), plain(await person.reload())];
  },
  async createWithContacts() {
    const person = await Person.create(
      { name: "Hal", email: "hal@example.org", contacts: [{ kind: "home", mail: "hal@example.org", phone: "1" }, { kind: "work", comment: "c" }] },
      { include: "contacts" },
    );
    return plain(await Person.findByPk(person.id, { include: "contacts" }));
  },
  async bulkCreate() {
    const made = await Person.bulkCreate(newPeople(8));
    return [made.map((p) => p.id), await everybody()];
  },
  async bulkCreateReturning() {
    return plain(await Person.bulkCreate(newPeople(3), { returning: ["id", "email", "birth"] }));
  },
  async bulkCreateIgnoreDuplicates() {
    await Person.bulkCreate([...newPeople(2), { name: "dup", email: "ada@example.org" }], { ignoreDuplicates: true });
    return everybody();
  },
  async bulkCreateUpdateOnDuplicate() {
    await Person.bulkCreate(
      [{ name: "Ada II", email: "ada@example.org", notes: "again", salary: "1.10", badge: 801 }, { name: "Ida", email: "ida@example.org", badge: 802 }],
      { updateOnDuplicate: ["name", "notes", "salary", "badge"], conflictAttributes: ["email"] },
    );
    return (await Person.findAll({ order: ["name"], attributes: { exclude: ["id"] } })).map(plain);
  },
  async upsert() {
    const [changed] = await Person.upsert({ name: "Ada II", email: "ada@example.org", notes: "up" }, { conflictFields: ["email"], fields: ["name", "notes", "birth"] });
    const [made] = await Order.upsert({ number: 3001, status: "paid", total: 1, placed: new Date(0), card: "c", remark: "r" }, { conflictFields: ["number"] });
    return [changed.email, changed.notes, made.card, await everybody()];
  },
  async update() {
    const done = await Person.update({ notes: "n", birth: null, salary: 7.5, seen: new Date(0), meta: { x: 1 }, token: TOKEN }, { where: { email: "ada@example.org" } });
    const more = await Order.update({ status: "held", card: "x" }, { where: { card: ["4111 1111 1111 1111", "none"] } });
    return [done, more, await everybody(), plain(await Order.findAll({ order: ["id"] }))];
  },
  async updateReturning() {
    const [count, rows] = await Person.update({ notes: "moved" }, { where: { city: "Bremen" }, returning: true });
    return [count, plain(rows).sort((a, b) => a.id - b.id)];
  },
  async saveAndReload() {
    const person = await Person.findOne({ where: { email: "ada@example.org" } });
    person.email = "ada@example.net";
    person.set({ birth: "2000-01-01", badge: null });
    await person.save();
    await person.reload();
    return plain(person);
  },
  async increment() {
    await Person.increment("badge", { by: 10, where: { id: 1 } });
  },
  async incrementAPlainColumn() {
    await Order.increment({ total: 5 }, { where: { card: "4111 1111 1111 1111" } });
    return (await Order.findAll({ order: ["id"] })).map((o) => o.total);
  },
  async destroy() {
    const person = await Person.findByPk(1);
    await person.destroy();
    const gone = await Contact.destroy({ where: { mail: "office@example.org" } });
    return [gone, await Contact.count(), (await everybody()).length];
  },
  async findOrCreate() {
    const [found, old] = await Person.findOrCreate({ where: { email: "ben@example.org" }, defaults: { name: "no" } });
    const [made, fresh] = await Person.findOrCreate({ where: { email: "new@example.org", ssn: "999-99-9999" }, defaults: { name: "New" } });
    return [found.name, old, plain(made), fresh];
  },
  async findCreateFind() {
    const [made, fresh] = await Person.findCreateFind({ where: { email: "new@example.org" }, defaults: { name: "New", badge: 9 } });
    return [made.badge, fresh];
  },
  async transactionWithLock() {
    return db.transaction(async (transaction) => {
      const person = await Person.findOne({ where: { email: "ada@example.org" }, lock: true, skipLocked: true, transaction });
      await person.update({ notes: "locked" }, { transaction });
      const orders = await Order.findAll({
        where: { card: "4111 1111 1111 1111" }, include: { association: "person", required: true }, order: ["id"],
        lock: { level: Transaction.LOCK.UPDATE, of: Order }, transaction,
      });
      return [plain(person), plain(orders)];
    });
  },
  async savepoints() {
    const found = [];
    await db.transaction(async (transaction) => {
      for (const email of ["ada@example.org", "new@example.org"]) {
        try {
          await db.transaction({ transaction }, (inner) => Person.create({ name: "maybe", email }, { transaction: inner }));
        } catch (error) {
          found.push(error.name);
        }
      }
    });
    return [found, await everybody()];
  },
  async uniqueViolation() {
    await Person.create({ name: "dup", email: "ada@example.org" });
  },
  async uniqueViolationFields() {
    try {
      await Person.create({ name: "dup", email: "ada@example.org" });
    } catch (error) {
      return [Object.keys(error.fields), error.errors.map((each) => [each.path, each.type]), error.original.constraint, error.original.table];
    }
  },
  async tooLong() {
    await Contact.create({ person_id: 1, kind: "x", phone: "1".repeat(31) });
  },
  everybody,
  async findByPk() {
    return [plain(await Person.findByPk(2)), await Person.findByPk(99)];
  },
  async filters() {
    const found = [];
    for (const condition of [
      { email: "ada@example.org" }, { email: { [Op.ne]: "ada@example.org" } }, { ssn: "123-45-6789" }, { badge: 104 }, { badge: "104" },
      { token: "44444444-4444-4444-8444-444444444444" }, { ssn: null }, { birth: { [Op.not]: null } }, { [Op.not]: { badge: 104 } },
      { email: ["ada@example.org", "ben@example.org", "nobody"] }, { email: { [Op.notIn]: ["ada@example.org"] } }, { email: [] },
      { badge: { [Op.in]: [101, 105, 7] } }, { email: { [Op.any]: ["ada@example.org", "x"] } }, { email: { [Op.is]: null } },
      { [Op.or]: [{ email: "ben@example.org" }, { badge: 101 }, { city: "Ulm" }] }, { [Op.and]: [{ ssn: "123-45-6789" }, { active: true }] },
    ]) found.push(await ids(condition));
    return found;
  },
  async include() {
    const all = await Person.findAll({ include: ["contacts", "orders"], order: ["id", ["contacts", "id"], ["orders", "id"]] });
    const some = await Person.findAll({ include: { association: "contacts", where: { mail: "office@example.org" } }, order: ["id"] });
    return [plain(all), plain(some)];
  },
  async includePage() {
    // Limits in a subquery, joins around it.
    const page = await Person.findAll({ include: "contacts", order: ["id", ["contacts", "id"]], limit: 2, offset: 1 });
    const counted = await Person.findAndCountAll({ where: { active: true }, include: "orders", distinct: true, order: ["id", ["orders", "id"]], limit: 2 });
    return [plain(page), counted.count, plain(counted.rows)];
  },
  async includePageOnSealed() {
    const page = await Person.findAll({ where: { email: ["ada@example.org", "ben@example.org"] }, include: { association: "contacts", where: { kind: "home" } }, order: ["id"], limit: 2 });
    return plain(page);
  },
  async includeSeparately() {
    return plain(await Person.findAll({ include: { association: "contacts", separate: true, order: ["id"] }, order: ["id"] }));
  },
  async includeNested() {
    return plain(await Order.findAll({ include: ["person", { association: "lines" }, { association: "products", through: { attributes: ["quantity"] } }], order: ["id", ["lines", "id"], ["products", "sku"]] }));
  },
  async includeThroughTable() {
    return plain(await Product.findAll({ include: { association: "orders", attributes: ["number", "card", "remark"] }, order: ["sku", ["orders", "id"]] }));
  },
  async whereOfIncluded() {
    return plain(await Order.findAll({ include: "person", where: { "$person.email$": "ada@example.org" }, order: ["id"] }));
  },
  async lazily() {
    const person = await Person.findOne({ where: { email: "ada@example.org" } });
    const contact = await Contact.findOne({ where: { phone: "0421 3" } });
    return [plain(await person.getContacts({ order: ["id"] })), await person.countOrders(), (await contact.getPerson()).email];
  },
  async counts() {
    return [await Person.count(), await Person.count({ where: { ssn: "123-45-6789" } }), await Person.count({ col: "ssn" }), await Person.count({ include: { association: "contacts", where: { mail: "office@example.org" } } })];
  },
  async countDistinct() {
    return [await Person.count({ distinct: true, col: "ssn" }), await Contact.aggregate("mail", "count", { distinct: true })];
  },
  async distinctValues() {
    const found = await Contact.aggregate("mail", "DISTINCT", { plain: false });
    return found.map((row) => row.DISTINCT).sort();
  },
  async groupBy() {
    const sealed = await Contact.findAll({ attributes: ["mail", [fn("COUNT", col("id")), "n"]], group: ["mail"], raw: true });
    return sealed.sort((a, b) => String(a.mail).localeCompare(String(b.mail)));
  },
  async groupByPlain() {
    return Person.findAll({ attributes: ["city", [fn("COUNT", col("id")), "n"]], group: "city", order: ["city"], raw: true });
  },
  async groupByCount() {
    return (await Order.count({ group: ["card"] })).sort((a, b) => String(a.card).localeCompare(String(b.card)));
  },
  async attributes() {
    return [
      await Person.findAll({ attributes: ["id", ["email", "address"], "birth"], order: ["id"], raw: true }),
      plain(await Person.findAll({ attributes: { exclude: ["notes", "meta"], include: [[literal("(SELECT count(*) FROM orders WHERE person_id = \"Person\".id)"), "orders"]] }, order: ["id"] })),
    ];
  },
  async scalarSubqueryOfSealed() {
    return Person.findAll({ attributes: ["id", [literal("(SELECT card FROM orders WHERE person_id = \"Person\".id ORDER BY id DESC LIMIT 1)"), "card"]], order: ["id"], raw: true });
  },
  async exists() {
    return ids(where(literal("EXISTS (SELECT 1 FROM contacts c WHERE c.mail = \"Person\".email)"), true));
  },
  async inSubquery() {
    return ids({ email: { [Op.in]: literal("(SELECT mail FROM contacts WHERE kind = 'home')") } });
  },
  async coalesce() {
    return Person.findAll({ attributes: ["id", [fn("COALESCE", col("notes"), "none"), "shown"]], order: ["id"], raw: true });
  },
  async pages() {
    return [await Person.findAndCountAll({ order: [["id", "DESC"]], limit: 2, offset: 2, raw: true }), plain(await Person.findAll({ where: { id: { [Op.gt]: 2 } }, order: ["id"], limit: 2 }))];
  },
  async rawQueries() {
    return [
      await db.query("SELECT id, email, birth, salary FROM people WHERE email = :email", { replacements: { email: "ada@example.org" }, type: QueryTypes.SELECT }),
      await db.query("SELECT * FROM people WHERE badge = $1", { bind: [104], type: QueryTypes.SELECT }),
      await db.query("SELECT id FROM people WHERE email IN (:mails) ORDER BY id", { replacements: { mails: ["ada@example.org", "cem@example.org"] }, type: QueryTypes.SELECT }),
      await db.query("SELECT id FROM people WHERE email = ANY($mails) ORDER BY id", { bind: { mails: ["ada@example.org", "cem@example.org"] }, type: QueryTypes.SELECT }),
      (await db.query("UPDATE people SET notes = $1, birth = $2, meta = $3, seen = $4 WHERE email = $5 RETURNING id, notes, birth, seen", { bind: ["n", "2000-01-01", JSON.stringify({ a: 1 }), new Date(0), "ben@example.org"] }))[0],
      plain(await db.query("SELECT * FROM people WHERE ssn = ?", { replacements: ["223-45-6789"], model: Person, mapToModel: true })),
    ];
  },
  async many() {
    const order = await Order.findOne({ where: { number: 1004 } });
    await order.addProduct(await Product.findOne({ where: { sku: "A-1" } }), { through: { quantity: 3 } });
    return (await OrderLine.findAll({ where: { order_id: order.id } })).map((line) => line.quantity);
  },
  async orderBySealed() {
    return Person.findAll({ order: ["email"], raw: true });
  },
  async likeSealed() {
    return ids({ email: { [Op.iLike]: "ADA%" } });
  },
  async rangeOfSealed() {
    return ids({ birth: { [Op.between]: ["1990-01-01", "1990-12-31"] } });
  },
  async sumOfSealed() {
    return [await Person.sum("salary")];
  },
  async maxOfSealed() {
    return [await Person.max("badge")];
  },
  async randomizedCompared() {
    return ids({ birth: "1990-02-28" });
  },
  async jsonPathInSealed() {
    return ids({ "meta.blood": "A+" });
  },
};

main(connect, cases);
