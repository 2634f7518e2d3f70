/**
 * The demo, connections first and then HTTP. In: argv, files of the user's own. Out: a story on standard output; exit 0 when everything was as promised, 1 when not, 2 wrong usage.
 * Invariant: all traffic goes to 127.0.0.0/8, that of the user's files stays in a closed network namespace; servers, instance and files are gone afterwards, also when interrupted.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { detachIfThere } from './commands.ts'
import { type Backends, startBackends } from './demonstration/backends.ts'
import { curl, endClients, governed, wrk } from './demonstration/clients.ts'
import { kmesh, kmeshMeanwhile } from './demonstration/commands.ts'
import { agrees, expectations } from './demonstration/expectation.ts'
import { showFiles } from './demonstration/files.ts'
import { showHttp } from './demonstration/http.ts'
import { broken, promise } from './demonstration/promises.ts'
import { bold, dim, green, red, say, shown, step, table } from './demonstration/screen.ts'
import { AFTER, BACKENDS, BEFORE, CACHE, type Canary, CATALOG, WEB } from './demonstration/story.ts'
import { undoAtExit } from './kit/cleanup.ts'

const INSTANCE = `kmesh-demo-${process.pid}`
const USAGE = 'usage: scripts/demo [FILE...]'

async function main(): Promise<void> {
  const files = process.argv.slice(2)
  if (files.some((file) => file.startsWith('-'))) {
    const asked = files.includes('--help') || files.includes('-h')
    process[asked ? 'stdout' : 'stderr'].write(
      `${USAGE}\nCompiles snapshots, applies them, sends real traffic, and shows what happened. FILE: a snapshot of your own, with requests that its routes speak of.\n`,
    )
    process.exit(asked ? 0 : 2)
  }
  if (process.getuid?.() !== 0) {
    process.stderr.write('demo: needs root: it makes a cgroup and loads programs\n')
    process.exit(1)
  }
  const began = Date.now()
  const folder = mkdtempSync(join(tmpdir(), 'kmesh-demo-'))
  undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
  const artifacts = { before: join(folder, 'canary-10.tar'), after: join(folder, 'canary-50.tar'), http: join(folder, 'http.tar') }

  for (const text of files.length > 0 ? await showFiles(files, folder, `${INSTANCE}-own`) : []) promise(text, 'no')

  step('Compile: two snapshots as a control plane sends them to a sidecar; they differ in the weights of the canary')
  compile(BEFORE, artifacts.before)
  compile(AFTER, artifacts.after)

  step(`Start ${BACKENDS.length} HTTP servers, and apply the first snapshot to a cgroup of our own`)
  const backends = await startBackends(BACKENDS)
  table([['server', 'listens on', 'belongs to'], ...BACKENDS.map(({ name, address, port, part }) => [name, `${address}:${port}`, part])])
  const detach = undoAtExit(() => {
    endClients(INSTANCE)
    detachIfThere(INSTANCE)
  })
  kmesh('kmesh-runtime', ['apply', artifacts.before, '--instance', INSTANCE], { show: 12 })

  step('Traffic: curl and wrk, started in that cgroup; a TCP connection for every request')
  await count(backends, BEFORE)

  step('The client sees the address it asked for (getpeername); what no listener claims is left alone; what is diverted is refused')
  await peers()

  step('Change the weights under traffic: apply back and forth while clients connect without pause')
  await applyUnderTraffic(artifacts, backends)

  step('Traffic again, with the new weights')
  await count(backends, AFTER)

  step('What the kernel holds, and what it counted')
  kmesh('kmesh-runtime', ['status', '--instance', INSTANCE], { show: 26 })
  kmesh('kmesh-runtime', ['dump', '--instance', INSTANCE], { show: 16 })

  await showHttp(INSTANCE, artifacts.http)

  step('Detach: nothing stays behind')
  detach()
  shown(`kmesh-runtime detach --instance ${INSTANCE}`)
  say('done')

  say('')
  const seconds = ((Date.now() - began) / 1000).toFixed(0)
  if (broken.length === 0) say(bold(green(`All of it as promised, in ${seconds} s.`)))
  else say(`${bold(red(`Not as promised (${seconds} s):`))}\n${broken.map((text) => `- ${text}`).join('\n')}`)
  process.exit(broken.length === 0 ? 0 : 1)
}

function compile(canary: Canary, artifact: string): void {
  kmesh('kmeshc', ['compile', canary.file, '-o', artifact], { show: 5 })
}

/** Drives connections to both services and sets the servers' own counts against the weights. */
async function count(backends: Backends, canary: Canary): Promise<void> {
  await backends.counts()
  const loads = [await curl(INSTANCE, WEB, 600), await wrk(INSTANCE, WEB, 1), await curl(INSTANCE, CACHE, 200)]
  const counts = await backends.counts()
  const countOf = (part: string): number =>
    BACKENDS.filter((one) => one.part === part).reduce((sum, { name }) => sum + (counts.get(name) ?? 0), 0)
  const [v1, v2] = canary.weights
  const split = expectations([
    { name: 'web v1', weight: v1, count: countOf('web v1') },
    { name: 'web v2', weight: v2, count: countOf('web v2') },
  ])
  table([
    ['reached', 'connections', 'share', 'weight', 'expected', 'deviation'],
    ...split.flatMap(({ name, count: reached, share, expected, sigma }) => {
      const of = BACKENDS.filter(({ part }) => part === name)
      const total = expected / share
      return [
        [
          name,
          `${reached}`,
          percent(reached / total),
          percent(share),
          expected.toFixed(0),
          `${sigma < 0 ? '' : '+'}${sigma.toFixed(2)} sigma`,
        ],
        ...evenRows(of.map((one) => ({ name: one.name, count: counts.get(one.name) ?? 0 }))),
      ]
    }),
    ['cache', `${countOf('cache')}`, percent(1), '', `${countOf('cache')}`, ''],
    ...evenRows(['cache-1', 'cache-2'].map((name) => ({ name, count: counts.get(name) ?? 0 }))),
  ])
  const requests = loads.reduce((sum, load) => sum + load.requests, 0)
  const failed = loads.reduce((sum, load) => sum + load.failed, 0)
  promise(`${requests.toLocaleString('en-US')} requests, ${failed} failed`, failed === 0 && requests > 800 ? 'yes' : 'no')
  promise(`the canary gets ${v1}/${v2} of the connections`, agrees(split))
  for (const part of ['web v1', 'cache']) {
    const own = BACKENDS.filter((one) => one.part === part).map(({ name }) => counts.get(name) ?? 0)
    promise(`round robin over ${part} is even`, Math.max(...own) - Math.min(...own) <= 1 ? 'yes' : 'no')
  }
}

/** Endpoints of one cluster under round robin: equal shares, exactly. */
function evenRows(list: readonly { readonly name: string; readonly count: number }[]): readonly (readonly string[])[] {
  const total = list.reduce((sum, one) => sum + one.count, 0)
  return list.map(({ name, count: reached }) => {
    const off = reached - total / list.length
    return [`  ${name}`, `${reached}`, '', '', (total / list.length).toFixed(1), `${off < 0 ? '' : '+'}${off.toFixed(1)}`]
  })
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`

async function peers(): Promise<void> {
  const ask = async (place: string): Promise<string> => {
    const { stdout } = await governed(INSTANCE, [
      'curl',
      '-s',
      '--connect-timeout',
      '5',
      '-w',
      ' %{remote_ip}:%{remote_port} %{exitcode}',
      `http://${place}/`,
    ])
    return stdout.replace(/\s+/g, ' ').trim()
  }
  const raw = BACKENDS[2]
  if (raw === undefined) throw new Error('no backends')
  const rows = await Promise.all(
    [WEB, `${raw.address}:${raw.port}`, CATALOG].map(async (place) => ({ place, said: (await ask(place)).split(' ') })),
  )
  table([
    ['asked', 'answered by', 'getpeername says', ''],
    ...rows.map(({ place, said }) => (said.length === 3 ? [place, said[0] ?? '', said[1] ?? '', ''] : [place, '-', '-', 'refused'])),
  ])
  const [web, direct, catalog] = rows.map(({ said }) => said)
  promise('getpeername gives the service address', web?.[1] === WEB ? 'yes' : 'no')
  promise('a server dialled by its own address is reached untouched', direct?.[0] === raw.name ? 'yes' : 'no')
  promise('an HTTP service for which nobody accepts yet: refused, not guessed', catalog?.at(-1) === '7' ? 'yes' : 'no')
}

const APPLIES = 2

async function applyUnderTraffic(artifacts: { readonly before: string; readonly after: string }, backends: Backends): Promise<void> {
  await backends.counts()
  let running: 'yes' | 'no' = 'yes'
  const clients = (async () => {
    const loads = []
    while (running === 'yes') loads.push(await wrk(INSTANCE, WEB, 1), await curl(INSTANCE, WEB, 300))
    return loads
  })()
  for (let turn = 0; turn < APPLIES; turn++) {
    const artifact = turn % 2 === 0 ? artifacts.after : artifacts.before
    await kmeshMeanwhile(['apply', artifact, '--instance', INSTANCE])
  }
  await kmeshMeanwhile(['apply', artifacts.after, '--instance', INSTANCE])
  running = 'no'
  const loads = await clients
  const requests = loads.reduce((sum, load) => sum + load.requests, 0)
  const failed = loads.reduce((sum, load) => sum + load.failed, 0)
  shown(`kmesh-runtime apply ... --instance ${INSTANCE}   ${dim(`(${APPLIES + 1} times)`)}`)
  promise(
    `${requests.toLocaleString('en-US')} connections during ${APPLIES + 1} applies, ${failed} failed`,
    failed === 0 && requests > 0 ? 'yes' : 'no',
  )
}

await main()
