// TypeORM's cases over node-postgres.
"use strict";

require("reflect-metadata");
const { DataSource, In, IsNull, Not, Any, ILike, Between, Brackets, Equal, Raw } = require("typeorm");
const { main } = require("../report.js");
const models = require("./models.js");

const { Person, Contact, Order, OrderLine } = models;
const TOKEN = "99999999-9999-4999-8999-999999999999";
let db;

async function connect(target) {
  db = await new DataSource({
    type: "postgres", host: target.host, port: Number(target.port), username: target.user, password: target.password,
    database: target.dbname, entities: Object.values(models), poolSize: 1, installExtensions: false,
  }).initialize();
  return { create: () => db.synchronize(), seed: (sql) => db.query(sql), close: () => db.destroy() };
}

const people = () => db.getRepository(Person);
const contacts = () => db.getRepository(Contact);
const orders = () => db.getRepository(Order);
const byId = { order: { id: "ASC" } };
const everybody = () => people().find(byId);
const ids = async (where) => (await people().find({ select: { id: true }, where, ...byId })).map((p) => p.id);
const newPeople = (count) =>
  Array.from({ length: count }, (_, i) => ({
    name: `New ${i}`, email: `new${i}@example.org`, ssn: i % 3 ? `90${i}-00-0000` : null, birth: `1970-01-0${1 + (i % 9)}`,
    salary: i % 4 ? `${250 + i}.25` : null, notes: i % 2 ? `it's "${i}" \\ $1 :x` : null, badge: 500 + i, meta: { i, s: "'" },
    token: i % 2 ? TOKEN : null, seen: new Date(Date.UTC(2024, 4, 5, 12, i)), tags: ["x", "y z"],
  }));

const cases = {
  async save() {
    const [one] = newPeople(2).slice(1);
    const made = await people().save(people().create(one));
    return [made, await people().findOneBy({ id: made.id })];
  },
  async saveMany() {
    const made = await people().save(people().create(newPeople(6)));
    return [made.map((p) => p.id), await everybody()];
  },
  async saveWithContacts() {
    const made = await people().save({ name: "Hal", email: "hal@example.org", contacts: [{ kind: "home", mail: "hal@example.org" }, { kind: "work", phone: "1", comment: "c" }] });
    return people().findOne({ where: { id: made.id }, relations: { contacts: true }, order: { contacts: { id: "ASC" } } });
  },
  async insert() {
    const done = await people().insert(newPeople(4));
    return [done.identifiers, done.generatedMaps, await everybody()];
  },
  async insertReturning() {
    const done = await people().createQueryBuilder().insert().values(newPeople(3)).returning(["id", "email", "birth"]).execute();
    return done.raw;
  },
  async insertOrIgnore() {
    await people().createQueryBuilder().insert().values([...newPeople(1), { name: "dup", email: "ada@example.org" }]).orIgnore().execute();
    return everybody();
  },
  async upsert() {
    await people().upsert([{ name: "Ada II", email: "ada@example.org", notes: "up", badge: 801 }, { name: "Ida", email: "ida@example.org", notes: null, badge: null }], ["email"]);
    return people().find({ order: { name: "ASC" }, select: { name: true, email: true, notes: true, badge: true, birth: true } });
  },
  async upsertSkippingTheSame() {
    await orders().upsert([{ number: 1001, status: "paid", total: "1", placed: new Date(0), card: "c", remark: "r" }], { conflictPaths: ["number"], skipUpdateIfNoValuesChanged: true });
    return orders().find(byId);
  },
  async upsertSkippingTheSameSealed() {
    await people().upsert([{ name: "Ada II", email: "ada@example.org", ssn: "123-45-6789", badge: 101 }], { conflictPaths: ["email"], skipUpdateIfNoValuesChanged: true });
    return people().findOneBy({ email: "ada@example.org" });
  },
  async update() {
    const some = await people().update({ email: "ada@example.org" }, { notes: "n", birth: null, salary: "7.5", seen: new Date(0), meta: { x: 1 }, token: TOKEN });
    const more = await orders().update({ card: In(["4111 1111 1111 1111", "none"]) }, { status: "held", card: "x" });
    return [some.affected, more.affected, await everybody(), await orders().find(byId)];
  },
  async updateReturning() {
    const done = await people().createQueryBuilder().update().set({ notes: "moved" }).where("city = :city", { city: "Bremen" }).returning("id, email, notes").execute();
    return done.raw.sort((a, b) => a.id - b.id);
  },
  async changeAndSave() {
    const person = await people().findOneByOrFail({ email: "ada@example.org" });
    Object.assign(person, { email: "ada@example.net", birth: "2000-01-01", badge: null, salary: null });
    await people().save(person);
    return everybody();
  },
  async increment() {
    await people().increment({ id: 1 }, "badge", 10);
  },
  async incrementAPlainColumn() {
    await orders().increment({ card: "4111 1111 1111 1111" }, "total", 5);
    return (await orders().find(byId)).map((o) => o.total);
  },
  async remove() {
    await people().remove(await people().findOneByOrFail({ id: 1 }));
    const gone = await contacts().delete({ mail: "office@example.org" });
    return [gone.affected, await contacts().count(), (await everybody()).length];
  },
  async transaction() {
    return db.transaction(async (manager) => {
      const person = await manager.findOne(Person, { where: { email: "ada@example.org" }, lock: { mode: "pessimistic_write", onLocked: "skip_locked" } });
      person.notes = "locked";
      await manager.save(Person, person);
      return manager.find(Order, { where: { card: "4111 1111 1111 1111" }, lock: { mode: "for_no_key_update", tables: ["orders"] }, ...byId });
    });
  },
  async savepoints() {
    const found = [];
    await db.transaction(async (manager) => {
      for (const email of ["ada@example.org", "new@example.org"]) {
        try {
          await manager.transaction((inner) => inner.save(Person, { name: "maybe", email }));
        } catch (error) {
          found.push(error.name);
        }
      }
    });
    return [found, await everybody()];
  },
  async uniqueViolation() {
    await people().insert({ name: "dup", email: "ada@example.org" });
  },
  async tooLong() {
    await contacts().insert({ person: { id: 1 }, kind: "x", phone: "1".repeat(31) });
  },
  everybody,
  async finds() {
    return [await people().findOneBy({ id: 2 }), await people().findOneBy({ email: "nobody" }), await people().findBy({ ssn: "123-45-6789" })];
  },
  async filters() {
    const found = [];
    for (const where of [
      { email: "ada@example.org" }, { email: Not("ada@example.org") }, { ssn: Equal("123-45-6789") }, { badge: 104 }, { badge: Not(104) },
      { token: "44444444-4444-4444-8444-444444444444" }, { ssn: IsNull() }, { birth: Not(IsNull()) }, { email: In(["ada@example.org", "ben@example.org", "x"]) },
      { email: Not(In(["ada@example.org"])) }, { email: In([]) }, { badge: In([101, 105]) }, { email: Any(["ada@example.org", "x"]) },
      [{ email: "ben@example.org" }, { badge: 101 }, { city: "Ulm" }], { email: Raw((name) => `${name} = :mail`, { mail: "ada@example.org" }) },
    ]) found.push(await ids(where));
    return found;
  },
  async relations() {
    return people().find({ relations: { contacts: true, orders: { lines: { product: true } } }, order: { id: "ASC", contacts: { id: "ASC" }, orders: { id: "ASC" } } });
  },
  async relationsByQuery() {
    return people().find({ relations: { contacts: true }, relationLoadStrategy: "query", order: { id: "ASC" } });
  },
  async pageOfRelations() {
    // DISTINCT over an aliased subquery, then the objects by key.
    return people().find({ relations: { contacts: true }, order: { id: "ASC", contacts: { id: "ASC" } }, take: 2, skip: 1 });
  },
  async pageOfRelationsOnSealed() {
    return people().findAndCount({ relations: { contacts: true }, where: { contacts: { mail: "office@example.org" } }, order: { id: "ASC" }, take: 1 });
  },
  async whereOfRelation() {
    return orders().find({ where: { person: { email: "ada@example.org" } }, relations: { person: true }, ...byId });
  },
  async relationIds() {
    return contacts().find({ loadRelationIds: true, ...byId });
  },
  async counts() {
    return [await people().count(), await people().countBy({ ssn: "123-45-6789" }), await people().exists({ where: { email: "ada@example.org" } }), await people().existsBy({ email: "x" }), (await people().findAndCount({ where: { active: true }, ...byId, take: 2 }))[1]];
  },
  async builder() {
    return people().createQueryBuilder("p").leftJoinAndSelect("p.contacts", "c", "c.mail = :mail", { mail: "office@example.org" })
      .where("p.email IN (:...mails)", { mails: ["ada@example.org", "cem@example.org"] })
      .andWhere(new Brackets((q) => q.where("p.ssn IS NULL").orWhere("p.ssn = :ssn", { ssn: "123-45-6789" }))).orderBy("p.id").addOrderBy("c.id").getMany();
  },
  async builderRaw() {
    return people().createQueryBuilder("p").select(["p.id AS id", "p.email AS email", "o.card AS card"]).innerJoin("p.orders", "o").orderBy("o.id").getRawMany();
  },
  async existsInBuilder() {
    const inner = contacts().createQueryBuilder("c").where("c.mail = p.email");
    return people().createQueryBuilder("p").whereExists(inner).orderBy("p.id").getMany();
  },
  async inSubquery() {
    return people().createQueryBuilder("p").where((q) => `p.email IN ${q.subQuery().select("c.mail").from(Contact, "c").where("c.kind = :kind").getQuery()}`).setParameter("kind", "home").orderBy("p.id").getMany();
  },
  async groupBy() {
    const found = await contacts().createQueryBuilder("c").select("c.mail", "mail").addSelect("COUNT(*)", "n").groupBy("c.mail").having("COUNT(*) > :n", { n: 0 }).getRawMany();
    return found.sort((a, b) => String(a.mail).localeCompare(String(b.mail)));
  },
  async distinct() {
    const found = await contacts().createQueryBuilder("c").select("c.phone", "phone").distinct(true).getRawMany();
    return found.sort((a, b) => String(a.phone).localeCompare(String(b.phone)));
  },
  async distinctOn() {
    return contacts().createQueryBuilder("c").distinctOn(["c.person_id"]).orderBy("c.person_id").addOrderBy("c.id").getMany();
  },
  async countDistinct() {
    return contacts().createQueryBuilder("c").select("COUNT(DISTINCT c.mail)", "n").getRawOne();
  },
  async scalarSubquery() {
    return people().createQueryBuilder("p").select("p.id", "id").addSelect((q) => q.select("o.card").from(Order, "o").where("o.person_id = p.id").orderBy("o.id", "DESC").limit(1), "card").orderBy("p.id").getRawMany();
  },
  async fromSubquery() {
    return db.createQueryBuilder().select("u.email", "email").addSelect("u.birth", "birth").from((q) => q.select("p.id", "id").addSelect("p.email", "email").addSelect("p.birth", "birth").from(Person, "p").where("p.active"), "u").where("u.email <> :mail", { mail: "ben@example.org" }).orderBy("u.id").getRawMany();
  },
  async commonTable() {
    return db.createQueryBuilder().addCommonTableExpression(people().createQueryBuilder("p").select("p.id", "id").addSelect("p.email", "email").where("p.city = 'Kiel'"), "north").select(["north.id", "north.email"]).from("north", "north").orderBy("north.id").getRawMany();
  },
  async rawQueries() {
    return [
      await db.query("SELECT id, email, birth, salary FROM people WHERE email = $1", ["ada@example.org"]),
      await db.query("SELECT id FROM people WHERE badge = ANY($1) ORDER BY id", [[101, 104]]),
      await db.query("UPDATE people SET notes = $1, birth = $2, meta = $3, seen = $4 WHERE email = $5", ["n", "2000-01-01", { a: 1 }, new Date(0), "ben@example.org"]),
      await everybody(),
    ];
  },
  async lines() {
    return db.getRepository(OrderLine).find({ relations: { order: { person: true }, product: true }, ...byId });
  },
  async coalesce() {
    return people().createQueryBuilder("p").select("COALESCE(p.notes, 'none')", "shown").orderBy("p.id").getRawMany();
  },
  async orderBySealed() {
    return people().find({ order: { email: "ASC" } });
  },
  async likeSealed() {
    return ids({ email: ILike("ADA%") });
  },
  async rangeOfSealed() {
    return ids({ birth: Between("1990-01-01", "1990-12-31") });
  },
  async sumOfSealed() {
    return people().sum("salary");
  },
  async randomizedCompared() {
    return ids({ birth: "1990-02-28" });
  },
};

main(connect, cases);
