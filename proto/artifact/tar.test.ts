import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from 'tar-stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ArtifactFault } from './fault.ts'
import { readTar } from './tar.ts'

interface Entry {
  readonly name: string
  readonly content?: string
  readonly type?: 'file' | 'link' | 'symlink' | 'directory' | 'character-device' | 'fifo'
}

function archive(entries: readonly Entry[]): Promise<Buffer> {
  const stream = pack()
  const chunks: Buffer[] = []
  stream.on('data', (chunk) => chunks.push(chunk as Buffer))
  const ended = new Promise<Buffer>((resolve) => stream.on('end', () => resolve(Buffer.concat(chunks))))
  for (const { name, content, type } of entries) {
    stream.entry(
      { name, type: type ?? 'file', mtime: new Date(0), ...(type?.endsWith('link') === true && { linkname: 'a' }) },
      content ?? '',
    )
  }
  stream.finalize()
  return ended
}

function code(bytes: Uint8Array): string {
  try {
    readTar(bytes, 'the file')
    return 'accepted'
  } catch (error) {
    if (error instanceof ArtifactFault) return error.error.code
    throw error
  }
}

/** GNU tar's own archive of a directory with two files. */
function gnuArchive(change: (directory: string) => void, ...options: readonly string[]): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'kmeshc-tar-'))
  try {
    mkdirSync(join(directory, 'blobs'))
    writeFileSync(join(directory, 'blobs', 'one'), 'x'.repeat(513))
    writeFileSync(join(directory, 'two'), '')
    change(directory)
    execFileSync('tar', [...options, '-C', directory, '-cf', `${directory}.tar`, 'blobs', 'two'])
    return readFileSync(`${directory}.tar`)
  } finally {
    rmSync(directory, { recursive: true, force: true })
    rmSync(`${directory}.tar`, { force: true })
  }
}

test('reads what tar-stream and GNU tar write', async () => {
  const files = readTar(
    await archive([
      { name: 'a', content: 'one' },
      { name: 'b/c', content: '' },
      { name: 'd', content: 'y'.repeat(1024) },
    ]),
    'the file',
  )
  assert.equal(
    [...files].map(([name, content]) => [name, content.length]),
    [
      ['a', 3],
      ['b/c', 0],
      ['d', 1024],
    ],
  )
  assert.is(Buffer.from(files.get('a') as Uint8Array).toString(), 'one')
  const gnu = readTar(
    gnuArchive(() => undefined),
    'the file',
  )
  assert.equal(
    [...gnu].map(([name, content]) => [name, content.length]),
    [
      ['blobs/one', 513],
      ['two', 0],
    ],
  )
  assert.is(code(gnuArchive((directory) => symlinkSync('/etc/passwd', join(directory, 'blobs', 'link')))), 'KM9004')
})

test('a name that leaves the archive, or hides, is refused', async () => {
  for (const name of ['/etc/passwd', '../a', 'a/../b', 'a/./b', './a', 'a//b', 'a b', 'a\\b', 'ä', '..']) {
    assert.is(code(await archive([{ name, content: 'x' }])), 'KM9004', name)
  }
  assert.is(code(await archive([{ name: 'a' }, { name: 'a' }])), 'KM9004', 'twice')
  assert.is(code(await archive([{ name: 'a', type: 'directory' }, { name: 'a' }])), 'KM9004', 'directory and file')
})

test('only files and directories', async () => {
  for (const type of ['link', 'symlink', 'character-device', 'fifo'] as const)
    assert.is(code(await archive([{ name: 'a' }, { name: 'b', type }])), 'KM9004', type)
  assert.is(code(await archive([{ name: 'a', type: 'directory' }])), 'accepted')
})

/** The first header, with its checksum made right again. */
function patched(whole: Buffer, text: string, at: number): Buffer {
  const bytes = Buffer.from(whole)
  bytes.write(text, at, 'latin1')
  bytes.fill(0x20, 148, 156)
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return bytes
}

test('an extended header may not rename, resize or link', async () => {
  const extended = async (content: string): Promise<string> =>
    code(
      patched(
        await archive([
          { name: 'PaxHeader', content },
          { name: 'a', content: 'one' },
        ]),
        'x',
        156,
      ),
    )
  const record = (text: string): string => `${text.length + 4} ${text}\n`
  assert.is(await extended(record('mtime=1.5')), 'accepted')
  assert.is(await extended(record('mtime=1.5') + record('uid=100000')), 'accepted')
  for (const key of ['path', 'linkpath', 'size', 'GNU.sparse.name', 'SCHILY.xattr.user.x'])
    assert.is(await extended(record(`${key}=abc`)), 'KM9004', key)
  for (const damaged of ['x', '99 mtime=1\n', '3 mtime=1\n', `${record('mtime=1.5')}x`])
    assert.is(await extended(damaged), 'KM9003', damaged)
})

test('of the kinds of entries only files, directories and harmless headers are taken', async () => {
  const whole = await archive([{ name: 'a', content: 'one' }])
  for (let type = 0; type < 256; type++) {
    const byte = String.fromCharCode(type)
    // GNU long names (L, K), sparse files (S), continued and contiguous ones (M, 7), dumped directories (D), volume labels (V), Solaris headers (X) ...
    assert.is(
      code(patched(whole, byte, 156)),
      byte === '0' || byte === '\0' ? 'accepted' : 'xg'.includes(byte) ? 'KM9003' : 'KM9004',
      JSON.stringify(byte),
    )
  }
})

test('what GNU tar itself makes of long names and sparse files is refused', () => {
  const long = gnuArchive((directory) => writeFileSync(join(directory, 'blobs', 'n'.repeat(150)), 'x'))
  assert.is(code(long), 'KM9004')
  const sparse = gnuArchive((directory) => truncateSync(join(directory, 'blobs', 'one'), 1 << 24), '--sparse')
  assert.ok(sparse.length < 1 << 20, 'it is sparse')
  assert.is.not(code(sparse), 'accepted')
  for (const format of ['pax', 'posix'])
    assert.is.not(
      code(gnuArchive((directory) => truncateSync(join(directory, 'blobs', 'one'), 1 << 24), '--sparse', `--format=${format}`)),
      'accepted',
      format,
    )
})

test('a name may not be split so that it leaves', async () => {
  const whole = await archive([{ name: 'a', content: 'one' }])
  for (const prefix of ['..', '/', '/etc', 'a/..', './b']) assert.is(code(patched(whole, prefix, 345)), 'KM9004', prefix)
  assert.is(code(patched(whole, 'b', 345)), 'accepted')
  assert.is(code(patched(await archive([{ name: 'a' }, { name: 'b/a' }]), 'b', 345)), 'KM9004', 'twice by way of the prefix')
})

test('every cut and every flipped byte outside of contents is noticed', async () => {
  const whole = await archive([
    { name: 'a', content: 'one' },
    { name: 'b', content: 'y'.repeat(600) },
  ])
  assert.is(code(whole), 'accepted')
  for (let length = 0; length < whole.length; length++) assert.is.not(code(whole.subarray(0, length)), 'accepted', `cut at ${length}`)
  const contents = (at: number): boolean => (at >= 512 && at < 515) || (at >= 1536 && at < 2136)
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] as number) ^ 0x55
    if (!contents(at)) assert.is.not(code(flipped), 'accepted', `byte ${at}`)
  }
})

test('bytes behind the end are refused, zeros are not', async () => {
  const whole = await archive([{ name: 'a', content: 'one' }])
  assert.is(code(Buffer.concat([whole, Buffer.alloc(8192)])), 'accepted')
  assert.is(code(Buffer.concat([whole, Buffer.alloc(100)])), 'KM9003')
  assert.is(code(Buffer.concat([whole, whole])), 'KM9003')
})

test('a file that is no tar is called that', () => {
  for (const text of ['', 'hello', '{}'.repeat(2000), '\x7fELF'.repeat(300), '\x1f\x8b'.repeat(600)])
    assert.is(code(Buffer.from(text)), 'KM9002')
  assert.is(code(Buffer.alloc(10240)), 'accepted', 'an empty archive is a tar, and read.ts misses its files')
})

test('sizes that lie are refused', async () => {
  const whole = await archive([{ name: 'a', content: 'one' }])
  for (const size of ['77777777777', '00000010000', '-0000000001', 'xxxxxxxxxxx', '           ']) {
    assert.is(code(patched(whole, size, 124)), 'KM9003', size)
  }
})

test.run()
