// Drizzle's cases over node-postgres. It makes no tables itself (drizzle-kit does, from a file that one
// checks in): `create` runs the SQL of schema.sql.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { and, asc, between, count, countDistinct, desc, eq, exists, ilike, inArray, isNotNull, isNull, ne, notInArray, or, sql, sum } = require("drizzle-orm");
const { drizzle } = require("drizzle-orm/node-postgres");
const { alias, unionAll } = require("drizzle-orm/pg-core");
const { Pool } = require("pg");
const { main } = require("../report.js");
const models = require("./models.js");

const { people, contacts, orders } = models;
const TOKEN = "99999999-9999-4999-8999-999999999999";
let db;

async function connect(target) {
  const pool = new Pool({ host: target.host, port: Number(target.port), user: target.user, password: target.password, database: target.dbname, max: 1 });
  db = drizzle(pool, { schema: models });
  const schema = fs.readFileSync(path.join(__dirname, "../schema.sql"), "utf8");
  return { create: () => pool.query(schema), seed: (text) => pool.query(text), close: () => pool.end() };
}

const plain = { tags: [], city: "", active: true, created: new Date("2024-06-01T00:00:00Z") };
const everybody = () => db.select().from(people).orderBy(people.id);
const ids = async (condition) => (await db.select({ id: people.id }).from(people).where(condition).orderBy(people.id)).map((p) => p.id);
const newPeople = (length) =>
  Array.from({ length }, (_, i) => ({
    name: `New ${i}`, email: `new${i}@example.org`, ssn: i % 3 ? `90${i}-00-0000` : null, birth: `1970-01-0${1 + (i % 9)}`,
    salary: i % 4 ? `${250 + i}.25` : null, notes: i % 2 ? `it's "${i}" \\ $1 :x` : null, badge: 500 + i, meta: { i, s: "'" },
    token: i % 2 ? TOKEN : null, seen: new Date(Date.UTC(2024, 4, 5, 12, i)), ...plain, tags: ["x", "y z"],
  }));

const cases = {
  async insert() {
    await db.insert(people).values({ name: "Gus", email: "gus@example.org", ...plain });
    return everybody();
  },
  async insertManyReturning() {
    return db.insert(people).values(newPeople(6)).returning();
  },
  async insertReturningSome() {
    return db.insert(people).values(newPeople(2)).returning({ id: people.id, address: people.email });
  },
  async insertIgnore() {
    return db.insert(people).values([...newPeople(1), { name: "dup", email: "ada@example.org", ...plain }]).onConflictDoNothing().returning({ email: people.email });
  },
  async upsert() {
    return db.insert(people).values([{ name: "Ada II", email: "ada@example.org", notes: "up", badge: 801, ...plain }, { name: "Ida", email: "ida@example.org", badge: 802, ...plain }])
      .onConflictDoUpdate({ target: people.email, set: { name: sql`excluded.name`, notes: sql`excluded.notes`, badge: sql`excluded.badge` } })
      .returning({ name: people.name, email: people.email, notes: people.notes, badge: people.badge });
  },
  async upsertWithValues() {
    return db.insert(orders).values({ number: 1001, status: "paid", total: "1", placed: new Date(0), card: "c", remark: "r" })
      .onConflictDoUpdate({ target: orders.number, set: { card: "assigned", remark: null }, setWhere: eq(orders.card, "4111 1111 1111 1111") }).returning();
  },
  async insertFromSelect() {
    await db.insert(contacts).select(db.select({ id: sql`id + 100`.as("id"), person: contacts.person, kind: sql`'copy'`.as("kind"), mail: contacts.mail, phone: contacts.phone, comment: contacts.comment }).from(contacts).where(eq(contacts.kind, "home")));
    return db.select().from(contacts).orderBy(contacts.id);
  },
  async update() {
    await db.update(people).set({ notes: "n", birth: null, salary: "7.5", seen: new Date(0), meta: { x: 1 }, token: TOKEN }).where(eq(people.email, "ada@example.org"));
    const held = await db.update(orders).set({ status: "held", card: "x" }).where(inArray(orders.card, ["4111 1111 1111 1111", "none"])).returning({ number: orders.number, card: orders.card });
    return [held.sort((a, b) => a.number - b.number), await everybody()];
  },
  async updateWithCase() {
    const whens = [[1, "first"], [2, "second"]].map(([key, text]) => sql`when ${people.id} = ${key} then ${text}`);
    await db.update(people).set({ notes: sql`case ${sql.join(whens, sql` `)} else ${people.notes} end` }).where(inArray(people.id, [1, 2, 3]));
    return everybody();
  },
  async updateFrom() {
    await db.update(orders).set({ status: "vip" }).from(people).where(and(eq(orders.person, people.id), eq(people.email, "ada@example.org")));
    return db.select().from(orders).orderBy(orders.id);
  },
  async updateFromValues() {
    await db.execute(sql`update people set email = v.mail from (values (${1}::bigint, ${"v1@example.org"}), (${2}, ${"v2@example.org"})) as v(id, mail) where people.id = v.id`);
    return everybody();
  },
  async remove() {
    const gone = await db.delete(contacts).where(eq(contacts.mail, "office@example.org")).returning();
    await db.delete(people).where(eq(people.id, 1));
    return [gone.sort((a, b) => a.id - b.id), await everybody()];
  },
  async transaction() {
    return db.transaction(async (tx) => {
      const [person] = await tx.select().from(people).where(eq(people.email, "ada@example.org")).for("update", { skipLocked: true });
      await tx.update(people).set({ notes: "locked" }).where(eq(people.id, person.id));
      const found = [];
      for (const email of ["ada@example.org", "new@example.org"]) {
        await tx.transaction((inner) => inner.insert(people).values({ name: "maybe", email, ...plain })).catch((error) => found.push(error.name));
      }
      return [found, await tx.select().from(people).orderBy(people.id)];
    });
  },
  async uniqueViolation() {
    await db.insert(people).values({ name: "dup", email: "ada@example.org", ...plain });
  },
  everybody,
  async filters() {
    const found = [];
    for (const condition of [
      eq(people.email, "ada@example.org"), ne(people.email, "ada@example.org"), eq(people.ssn, "123-45-6789"), eq(people.badge, 104),
      eq(people.token, "44444444-4444-4444-8444-444444444444"), isNull(people.ssn), isNotNull(people.birth), inArray(people.email, ["ada@example.org", "ben@example.org"]),
      inArray(people.email, []), notInArray(people.badge, [101, 102]), or(eq(people.email, "ben@example.org"), eq(people.badge, 101), eq(people.city, "Ulm")),
      and(eq(people.ssn, "123-45-6789"), people.active), sql`${people.email} = any(${sql.param(["ada@example.org", "x"])})`,
    ]) found.push(await ids(condition));
    return found;
  },
  async prepared() {
    const query = db.select({ id: people.id, email: people.email, birth: people.birth }).from(people).where(eq(people.email, sql.placeholder("mail"))).prepare("by_mail");
    return [await query.execute({ mail: "ada@example.org" }), await query.execute({ mail: "ben@example.org" }), await query.execute({ mail: "x" })];
  },
  async joins() {
    const other = alias(people, "other");
    return [
      await db.select().from(people).innerJoin(contacts, eq(contacts.person, people.id)).where(eq(contacts.mail, "office@example.org")).orderBy(contacts.id),
      await db.select({ name: people.name, comment: contacts.comment, card: orders.card }).from(people).leftJoin(contacts, eq(contacts.mail, people.email)).leftJoin(orders, eq(orders.person, people.id)).orderBy(people.id, orders.id),
      await db.select({ a: people.email, b: other.email }).from(people).innerJoin(other, and(eq(people.ssn, other.ssn), sql`${people.id} < ${other.id}`)),
    ];
  },
  async subqueries() {
    const inner = db.select({ id: people.id, email: people.email, birth: people.birth }).from(people).where(people.active).as("inner_people");
    const some = db.$with("some").as(db.select().from(people).where(eq(people.city, "Kiel")));
    return [
      await db.select().from(inner).where(ne(inner.email, "ben@example.org")).orderBy(inner.id),
      await db.with(some).select({ email: some.email, salary: some.salary }).from(some).orderBy(some.id),
      await ids(exists(db.select().from(contacts).where(eq(contacts.mail, people.email)))),
      await ids(inArray(people.id, db.select({ id: orders.person }).from(orders).where(eq(orders.card, "4111 1111 1111 1111")))),
    ];
  },
  async inSubquery() {
    return ids(inArray(people.email, db.select({ mail: contacts.mail }).from(contacts).where(eq(contacts.kind, "home"))));
  },
  async lateral() {
    const last = db.select({ number: orders.number, card: orders.card }).from(orders).where(eq(orders.person, people.id)).orderBy(desc(orders.id)).limit(1).as("last");
    return db.select({ email: people.email, card: last.card }).from(people).leftJoinLateral(last, sql`true`).orderBy(people.id);
  },
  async counts() {
    return [await db.$count(people, eq(people.ssn, "123-45-6789")), await db.select({ n: count(), ssn: count(people.ssn) }).from(people)];
  },
  async countDistinct() {
    return db.select({ n: countDistinct(contacts.mail) }).from(contacts);
  },
  async groupBy() {
    const found = await db.select({ mail: contacts.mail, n: count() }).from(contacts).groupBy(contacts.mail).having(sql`count(*) > ${0}`);
    return found.sort((a, b) => String(a.mail).localeCompare(String(b.mail)));
  },
  async distinct() {
    const found = await db.selectDistinct({ phone: contacts.phone, kind: contacts.kind }).from(contacts);
    return found.sort((a, b) => String(a.phone).localeCompare(String(b.phone)));
  },
  async distinctOn() {
    return db.selectDistinctOn([contacts.person]).from(contacts).orderBy(contacts.person, contacts.id);
  },
  async page() {
    return [await db.select().from(people).orderBy(desc(people.id)).limit(2).offset(1), await db.select({ id: people.id, email: people.email, all: sql`count(*) over ()`.mapWith(Number) }).from(people).orderBy(asc(people.id)).limit(2)];
  },
  async findMany() {
    return db.query.people.findMany({ where: eq(people.email, "ada@example.org"), columns: { id: true, email: true, birth: true } });
  },
  async findManyWithContacts() {
    // Related rows come as JSON that the server builds.
    return db.query.people.findMany({ with: { contacts: { columns: { mail: true, phone: true } } }, orderBy: asc(people.id) });
  },
  async findOrdersWithOwner() {
    return db.query.orders.findMany({ with: { owner: { columns: { email: true } } }, orderBy: asc(orders.id) });
  },
  async union() {
    return (await unionAll(db.select({ mail: people.email }).from(people), db.select({ mail: contacts.mail }).from(contacts))).map((row) => row.mail).sort();
  },
  async coalesce() {
    return db.select({ shown: sql`coalesce(${people.notes}, 'none')` }).from(people).orderBy(people.id);
  },
  async orderBySealed() {
    return db.select().from(people).orderBy(people.email);
  },
  async likeSealed() {
    return ids(ilike(people.email, "ADA%"));
  },
  async rangeOfSealed() {
    return ids(between(people.birth, "1990-01-01", "1990-12-31"));
  },
  async sumOfSealed() {
    return db.select({ sum: sum(people.salary) }).from(people);
  },
  async randomizedCompared() {
    return ids(eq(people.birth, "1990-02-28"));
  },
};

main(connect, cases);
