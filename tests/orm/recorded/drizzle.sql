-- What Drizzle over node-postgres sends in tests/orm, recorded by `make record-orms`.

-- case: insert
insert into "people" ("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") values (default, $1, $2, default, default, default, default, default, default, default, default, $3, $4, $5, $6);

-- case: insert
select "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" from "people" order by "people"."id";

-- case: insertManyReturning
insert into "people" ("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") values (default, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14), (default, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28), (default, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42), (default, $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56), (default, $57, $58, $59, $60, $61, $62, $63, $64, $65, $66, $67, $68, $69, $70), (default, $71, $72, $73, $74, $75, $76, $77, $78, $79, $80, $81, $82, $83, $84) returning "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created";

-- case: insertReturningSome
insert into "people" ("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") values (default, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14), (default, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28) returning "id", "email";

-- case: insertIgnore
insert into "people" ("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") values (default, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14), (default, $15, $16, default, default, default, default, default, default, default, default, $17, $18, $19, $20) on conflict do nothing returning "email";

-- case: upsert
insert into "people" ("id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created") values (default, $1, $2, default, default, default, $3, $4, default, default, default, $5, $6, $7, $8), (default, $9, $10, default, default, default, default, $11, default, default, default, $12, $13, $14, $15) on conflict ("email") do update set "name" = excluded.name, "notes" = excluded.notes, "badge" = excluded.badge returning "name", "email", "notes", "badge";

-- case: upsertWithValues
insert into "orders" ("id", "person_id", "number", "status", "total", "placed", "card", "remark") values (default, default, $1, $2, $3, $4, $5, $6) on conflict ("number") do update set "card" = $7, "remark" = $8 where "orders"."card" = $9 returning "id", "person_id", "number", "status", "total", "placed", "card", "remark";

-- case: insertFromSelect
insert into "contacts" ("id", "person_id", "kind", "mail", "phone", "comment") select id + 100 as "id", "person_id", 'copy' as "kind", "mail", "phone", "comment" from "contacts" where "contacts"."kind" = $1;

-- case: insertFromSelect
select "id", "person_id", "kind", "mail", "phone", "comment" from "contacts" order by "contacts"."id";

-- case: update
update "people" set "birth" = $1, "salary" = $2, "notes" = $3, "token" = $4, "meta" = $5, "seen" = $6 where "people"."email" = $7;

-- case: update
update "orders" set "status" = $1, "card" = $2 where "orders"."card" in ($3, $4) returning "number", "card";

-- case: updateWithCase
update "people" set "notes" = case when "people"."id" = $1 then $2 when "people"."id" = $3 then $4 else "people"."notes" end where "people"."id" in ($5, $6, $7);

-- case: updateFrom
update "orders" set "status" = $1 from "people" where ("orders"."person_id" = "people"."id" and "people"."email" = $2);

-- case: updateFrom
select "id", "person_id", "number", "status", "total", "placed", "card", "remark" from "orders" order by "orders"."id";

-- case: updateFromValues
update people set email = v.mail from (values ($1::bigint, $2), ($3, $4)) as v(id, mail) where people.id = v.id;

-- case: remove
delete from "contacts" where "contacts"."mail" = $1 returning "id", "person_id", "kind", "mail", "phone", "comment";

-- case: remove
delete from "people" where "people"."id" = $1;

-- case: transaction
begin;

-- case: transaction
select "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" from "people" where "people"."email" = $1 for update skip locked;

-- case: transaction
update "people" set "notes" = $1 where "people"."id" = $2;

-- case: transaction
savepoint sp1;

-- case: transaction
rollback to savepoint sp1;

-- case: transaction
release savepoint sp1;

-- case: transaction
commit;

-- case: filters
select "id" from "people" where "people"."email" = $1 order by "people"."id";

-- case: filters
select "id" from "people" where "people"."email" <> $1 order by "people"."id";

-- case: filters
select "id" from "people" where "people"."ssn" = $1 order by "people"."id";

-- case: filters
select "id" from "people" where "people"."badge" = $1 order by "people"."id";

-- case: filters
select "id" from "people" where "people"."token" = $1 order by "people"."id";

-- case: filters
select "id" from "people" where "people"."ssn" is null order by "people"."id";

-- case: filters
select "id" from "people" where "people"."birth" is not null order by "people"."id";

-- case: filters
select "id" from "people" where "people"."email" in ($1, $2) order by "people"."id";

-- case: filters
select "id" from "people" where false order by "people"."id";

-- case: filters
select "id" from "people" where "people"."badge" not in ($1, $2) order by "people"."id";

-- case: filters
select "id" from "people" where ("people"."email" = $1 or "people"."badge" = $2 or "people"."city" = $3) order by "people"."id";

-- case: filters
select "id" from "people" where ("people"."ssn" = $1 and "people"."active") order by "people"."id";

-- case: filters
select "id" from "people" where "people"."email" = any($1) order by "people"."id";

-- case: prepared
select "id", "email", "birth" from "people" where "people"."email" = $1;

-- case: joins
select "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created", "contacts"."id", "contacts"."person_id", "contacts"."kind", "contacts"."mail", "contacts"."phone", "contacts"."comment" from "people" inner join "contacts" on "contacts"."person_id" = "people"."id" where "contacts"."mail" = $1 order by "contacts"."id";

-- case: joins
select "people"."name", "contacts"."comment", "orders"."card" from "people" left join "contacts" on "contacts"."mail" = "people"."email" left join "orders" on "orders"."person_id" = "people"."id" order by "people"."id", "orders"."id";

-- case: joins
select "people"."email", "other"."email" from "people" inner join "people" "other" on ("people"."ssn" = "other"."ssn" and "people"."id" < "other"."id");

-- case: subqueries
select "id", "email", "birth" from (select "id", "email", "birth" from "people" where "people"."active") "inner_people" where "inner_people"."email" <> $1 order by "inner_people"."id";

-- case: subqueries
with "some" as (select "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" from "people" where "people"."city" = $1) select "email", "salary" from "some" order by "some"."id";

-- case: subqueries
select "id" from "people" where exists (select "id", "person_id", "kind", "mail", "phone", "comment" from "contacts" where "contacts"."mail" = "people"."email") order by "people"."id";

-- case: subqueries
select "id" from "people" where "people"."id" in (select "person_id" from "orders" where "orders"."card" = $1) order by "people"."id";

-- case: inSubquery
select "id" from "people" where "people"."email" in (select "mail" from "contacts" where "contacts"."kind" = $1) order by "people"."id";

-- case: lateral
select "people"."email", "last"."card" from "people" left join lateral (select "number", "card" from "orders" where "orders"."person_id" = "people"."id" order by "orders"."id" desc limit $1) "last" on true order by "people"."id";

-- case: counts
select count(*) as count from "people" where "people"."ssn" = $1;

-- case: counts
select count(*), count("ssn") from "people";

-- case: countDistinct
select count(distinct "mail") from "contacts";

-- case: groupBy
select "mail", count(*) from "contacts" group by "contacts"."mail" having count(*) > $1;

-- case: distinct
select distinct "phone", "kind" from "contacts";

-- case: distinctOn
select distinct on ("contacts"."person_id") "id", "person_id", "kind", "mail", "phone", "comment" from "contacts" order by "contacts"."person_id", "contacts"."id";

-- case: page
select "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" from "people" order by "people"."id" desc limit $1 offset $2;

-- case: page
select "id", "email", count(*) over () from "people" order by "people"."id" asc limit $1;

-- case: findMany
select "id", "email", "birth" from "people" "people" where "people"."email" = $1;

-- case: findManyWithContacts
select "people"."id", "people"."name", "people"."email", "people"."ssn", "people"."birth", "people"."salary", "people"."notes", "people"."badge", "people"."token", "people"."meta", "people"."seen", "people"."city", "people"."active", "people"."tags", "people"."created", "people_contacts"."data" as "contacts" from "people" "people" left join lateral (select coalesce(json_agg(json_build_array("people_contacts"."mail", "people_contacts"."phone")), '[]'::json) as "data" from "contacts" "people_contacts" where "people_contacts"."person_id" = "people"."id") "people_contacts" on true order by "people"."id" asc;

-- case: findOrdersWithOwner
select "orders"."id", "orders"."person_id", "orders"."number", "orders"."status", "orders"."total", "orders"."placed", "orders"."card", "orders"."remark", "orders_owner"."data" as "owner" from "orders" "orders" left join lateral (select json_build_array("orders_owner"."email") as "data" from (select * from "people" "orders_owner" where "orders_owner"."id" = "orders"."person_id" limit $1) "orders_owner") "orders_owner" on true order by "orders"."id" asc;

-- case: union
(select "email" from "people") union all (select "mail" from "contacts");

-- case: coalesce
select coalesce("notes", 'none') from "people" order by "people"."id";

-- case: orderBySealed
select "id", "name", "email", "ssn", "birth", "salary", "notes", "badge", "token", "meta", "seen", "city", "active", "tags", "created" from "people" order by "people"."email";

-- case: likeSealed
select "id" from "people" where "people"."email" ilike $1 order by "people"."id";

-- case: rangeOfSealed
select "id" from "people" where "people"."birth" between $1 and $2 order by "people"."id";

-- case: sumOfSealed
select sum("salary") from "people";

-- case: randomizedCompared
select "id" from "people" where "people"."birth" = $1 order by "people"."id";
