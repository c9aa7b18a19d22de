// node-postgres over TLS: PORT DATABASE CA BINDING CHECK MARKER.
'use strict'

const fs = require('fs')
const { Client } = require('pg')

const [port, database, ca, binding, check, marker] = process.argv.slice(2)

async function main() {
  const client = new Client({
    host: 'localhost',
    port: Number(port),
    database,
    user: 'app',
    password: 'app',
    enableChannelBinding: binding === 'require',
    ssl: check === 'verify' ? { ca: fs.readFileSync(ca, 'utf8') } : { rejectUnauthorized: false },
  })
  await client.connect()
  const email = `${marker}@x`
  await client.query("INSERT INTO people (name, email, notes) VALUES ('d', $1, $2)", [email, marker])
  const found = await client.query('SELECT notes FROM people WHERE email = $1', [email])
  console.log(found.rows[0].notes)
  await client.end()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
