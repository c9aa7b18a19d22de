// Prisma's cases over its query compiler and node-postgres. It makes no tables itself (its migration engine
// does, from files that one checks in): `create` runs the SQL of schema.sql.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { Pool } = require("pg");
const { PrismaPg } = require("@prisma/adapter-pg");
const { Prisma, PrismaClient } = require("@prisma/client");
const { main } = require("../report.js");

const TOKEN = "99999999-9999-4999-8999-999999999999";
let db;

async function connect(target) {
  const options = { host: target.host, port: Number(target.port), user: target.user, password: target.password, database: target.dbname, max: 1 };
  const pool = new Pool(options);
  db = new PrismaClient({ adapter: new PrismaPg(options), log: [] });
  const schema = fs.readFileSync(path.join(__dirname, "../schema.sql"), "utf8");
  const close = async () => { await db.$disconnect(); await pool.end(); };
  return { create: () => pool.query(schema), seed: (text) => pool.query(text), close };
}

/// Decimals as text: their own form has many digits of what is inside.
const shown = (value) => JSON.parse(JSON.stringify(value, (_, each) => (typeof each === "bigint" ? `${each}n` : each)));
const byId = { orderBy: { id: "asc" } };
const everybody = async () => shown(await db.person.findMany(byId));
const ids = async (where) => (await db.person.findMany({ where, select: { id: true }, ...byId })).map((p) => Number(p.id));
const newPeople = (length) =>
  Array.from({ length }, (_, i) => ({
    name: `New ${i}`, email: `new${i}@example.org`, ssn: i % 3 ? `90${i}-00-0000` : null, birth: new Date(Date.UTC(1970, 0, 1 + i)),
    salary: i % 4 ? `${250 + i}.25` : null, notes: i % 2 ? `it's "${i}" \\ $1 :x` : null, badge: 500 + i, meta: { i, s: "'" },
    token: i % 2 ? TOKEN : null, seen: new Date(Date.UTC(2024, 4, 5, 12, i)), tags: ["x", "y z"],
  }));

const cases = {
  async create() {
    return shown(await db.person.create({ data: newPeople(2)[1] }));
  },
  async createNested() {
    const data = {
      name: "Hal", email: "hal@example.org",
      contacts: { create: [{ kind: "home", mail: "hal@example.org", phone: "1" }, { kind: "work", comment: "c" }] },
      orders: { create: { number: 2001, status: "open", total: 1, placed: new Date(0), card: "4000", remark: "r" } },
    };
    return shown(await db.person.create({ data, include: { contacts: byId, orders: true } }));
  },
  async createMany() {
    const done = await db.person.createMany({ data: newPeople(8) });
    return [done.count, await everybody()];
  },
  async createManyAndReturn() {
    return shown(await db.person.createManyAndReturn({ data: newPeople(3), select: { id: true, email: true, birth: true, salary: true } }));
  },
  async createManySkippingDuplicates() {
    const done = await db.person.createMany({ data: [...newPeople(1), { name: "dup", email: "ada@example.org" }], skipDuplicates: true });
    return [done.count, await everybody()];
  },
  async upsert() {
    const changed = await db.person.upsert({ where: { email: "ada@example.org" }, create: { name: "no", email: "ada@example.org" }, update: { notes: "up", birth: null } });
    const made = await db.person.upsert({ where: { email: "ida@example.org" }, create: { name: "Ida", email: "ida@example.org", badge: 9 }, update: { name: "no" } });
    return shown([changed, made]);
  },
  async upsertWithOtherKeys() {
    // Not one statement: SELECT, then INSERT or UPDATE.
    return shown(await db.person.upsert({ where: { email: "ben@example.org", active: true }, create: { name: "no", email: "no@example.org" }, update: { contacts: { create: { kind: "x", mail: "m@example.org" } } }, include: { contacts: byId } }));
  },
  async update() {
    const data = { notes: "n", birth: null, salary: "7.5", seen: new Date(0), meta: { x: 1 }, token: TOKEN };
    return shown([await db.person.update({ where: { email: "ada@example.org" }, data }), await db.order.updateMany({ where: { card: { in: ["4111 1111 1111 1111", "none"] } }, data: { status: "held", card: "x" } }), await db.order.findMany(byId)]);
  },
  async updateMissing() {
    await db.person.update({ where: { email: "nobody@example.org" }, data: { notes: "n" } });
  },
  async updateManyAndReturn() {
    return shown((await db.person.updateManyAndReturn({ where: { city: "Bremen" }, data: { notes: "moved" } })).sort((a, b) => Number(a.id - b.id)));
  },
  async updateNested() {
    return shown(await db.person.update({ where: { id: 1 }, data: { contacts: { updateMany: { where: { mail: "office@example.org" }, data: { phone: "9" } }, deleteMany: { kind: "home" } } }, include: { contacts: byId } }));
  },
  async increment() {
    await db.person.update({ where: { id: 1 }, data: { badge: { increment: 10 } } });
  },
  async incrementAPlainColumn() {
    await db.order.updateMany({ where: { card: "4111 1111 1111 1111" }, data: { total: { increment: 5 } } });
    return shown(await db.order.findMany({ select: { total: true }, ...byId }));
  },
  async remove() {
    const gone = await db.contact.deleteMany({ where: { mail: "office@example.org" } });
    return shown([gone, await db.person.delete({ where: { email: "ada@example.org" } }), await everybody()]);
  },
  async transaction() {
    return db.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT id FROM people WHERE email = ${"ada@example.org"} FOR UPDATE SKIP LOCKED`;
      const person = await tx.person.update({ where: { email: "ada@example.org" }, data: { notes: "locked" } });
      return shown([person, await tx.person.count({ where: { notes: { not: null } } })]);
    });
  },
  async batch() {
    return shown(await db.$transaction([db.person.create({ data: { name: "a", email: "a@example.org" } }), db.contact.count({ where: { phone: "0421 2" } })]));
  },
  async rolledBack() {
    const failed = await db.$transaction([db.person.create({ data: { name: "b", email: "b@example.org" } }), db.person.create({ data: { name: "c", email: "ada@example.org" } })]).catch((error) => error.code);
    return [failed, await ids({ email: "b@example.org" })];
  },
  async uniqueViolation() {
    await db.person.create({ data: { name: "dup", email: "ada@example.org" } });
  },
  async uniqueViolationFields() {
    return db.person.create({ data: { name: "dup", email: "ada@example.org" } }).catch((error) => [error.code, error.meta?.modelName, error.meta?.target ?? null]);
  },
  async tooLong() {
    return db.contact.create({ data: { personId: 1, kind: "x", phone: "1".repeat(31) } }).catch((error) => [error.code]);
  },
  everybody,
  async finds() {
    return shown([await db.person.findUnique({ where: { email: "ben@example.org" } }), await db.person.findUnique({ where: { badge: 104 } }), await db.person.findFirst({ where: { ssn: "123-45-6789" }, ...byId }), await db.person.findUnique({ where: { email: "nobody" } })]);
  },
  async findUniquesAtOnce() {
    // Gathered into one statement with IN.
    return shown(await Promise.all(["ada@example.org", "ben@example.org", "nobody"].map((email) => db.person.findUnique({ where: { email } }))));
  },
  async filters() {
    const found = [];
    for (const where of [
      { email: "ada@example.org" }, { email: { not: "ada@example.org" } }, { ssn: { equals: "123-45-6789" } }, { badge: 104 }, { badge: { not: 104 } }, { NOT: { badge: 104 } },
      { token: "44444444-4444-4444-8444-444444444444" }, { ssn: null }, { birth: { not: null } }, { email: { in: ["ada@example.org", "ben@example.org", "x"] } },
      { email: { notIn: ["ada@example.org"] } }, { email: { in: [] } }, { badge: { in: [101, 105] } }, { OR: [{ email: "ben@example.org" }, { badge: 101 }, { city: "Ulm" }] },
      { AND: [{ ssn: "123-45-6789" }, { active: true }] },
    ]) found.push(await ids(where));
    return found;
  },
  async relationFilters() {
    const found = [];
    for (const where of [
      { contacts: { some: { mail: "office@example.org" } } }, { contacts: { none: { mail: "office@example.org" } } }, { contacts: { every: { phone: "0421 2" } } }, { orders: { some: { card: "5500 0000 0000 0004", lines: { some: { quantity: 6 } } } } },
    ]) found.push(await ids(where));
    return [found, shown(await db.order.findMany({ where: { person: { email: "ada@example.org" } }, ...byId })), shown(await db.contact.findMany({ where: { person: { isNot: { ssn: "123-45-6789" } } }, ...byId }))];
  },
  async include() {
    return shown(await db.person.findMany({ include: { contacts: byId, orders: { include: { lines: { include: { product: true }, ...byId } }, ...byId } }, ...byId }));
  },
  async includeSome() {
    return shown(await db.person.findMany({ where: { email: { in: ["ada@example.org", "cem@example.org"] } }, select: { email: true, birth: true, contacts: { where: { mail: "office@example.org" }, select: { phone: true } }, _count: { select: { orders: true } } }, ...byId }));
  },
  async includeOwner() {
    return shown(await db.order.findMany({ include: { person: { select: { email: true, salary: true } } }, ...byId }));
  },
  async fluent() {
    return shown(await db.person.findUnique({ where: { email: "ada@example.org" } }).contacts(byId));
  },
  async counts() {
    return shown([await db.person.count(), await db.person.count({ where: { ssn: "123-45-6789" } }), await db.person.count({ select: { _all: true, ssn: true } }), await db.person.aggregate({ _count: { birth: true }, where: { active: true } })]);
  },
  async distinct() {
    // Prisma itself removes the duplicates.
    return shown(await db.contact.findMany({ distinct: ["mail"], select: { mail: true, kind: true }, ...byId }));
  },
  async groupBy() {
    return shown(await db.contact.groupBy({ by: ["mail"], _count: { _all: true }, having: { mail: { not: null } } })).sort((a, b) => a.mail.localeCompare(b.mail));
  },
  async groupByPlain() {
    return shown(await db.person.groupBy({ by: ["city"], _count: { ssn: true }, orderBy: { city: "asc" } }));
  },
  async pages() {
    return shown([await db.person.findMany({ skip: 1, take: 2, orderBy: { id: "desc" } }), await db.person.findMany({ cursor: { id: 2 }, skip: 1, take: 2, ...byId })]);
  },
  async cursorOnSealed() {
    return shown(await db.person.findMany({ cursor: { email: "ben@example.org" }, take: 2, ...byId }));
  },
  async rawQueries() {
    const mails = ["ada@example.org", "cem@example.org"];
    return shown([
      await db.$queryRaw`SELECT id, email, birth, salary FROM people WHERE email = ${"ada@example.org"}`,
      await db.$queryRaw`SELECT id FROM people WHERE email IN (${Prisma.join(mails)}) ORDER BY id`,
      await db.$queryRaw`SELECT id FROM people WHERE email = ANY(${mails}) ORDER BY id`,
      await db.$executeRaw`UPDATE people SET notes = ${"n"}, birth = ${new Date(0)}::date, seen = ${new Date(0)} WHERE badge = ${102}`,
      await db.$queryRawUnsafe("SELECT * FROM people WHERE ssn = $1", "223-45-6789"),
    ]);
  },
  async orderBySealed() {
    return shown(await db.person.findMany({ orderBy: { email: "asc" } }));
  },
  async likeSealed() {
    return ids({ email: { startsWith: "ada" } });
  },
  async rangeOfSealed() {
    return ids({ birth: { gte: new Date("1990-01-01") } });
  },
  async sumOfSealed() {
    return shown(await db.person.aggregate({ _sum: { salary: true } }));
  },
  async randomizedCompared() {
    return ids({ salary: "4200.50" });
  },
};

main(connect, cases);
