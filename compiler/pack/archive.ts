/**
 * A tar archive of named bytes. In: files in the order wanted, names of at most 100 plain characters. Out: ustar bytes that depend on
 * names and contents only: no time, owner 0, mode 0644. (tar-stream writes headers; sizes beyond 8 GiB are outside of our limits.)
 */
import { pack } from 'tar-stream'

export interface ArchiveFile {
  readonly name: string
  readonly content: Uint8Array
}

export async function archive(files: readonly ArchiveFile[]): Promise<Buffer> {
  const stream = pack()
  const chunks: Uint8Array[] = []
  const ended = new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk) => chunks.push(chunk as Uint8Array))
    stream.on('end', resolve)
    stream.on('error', reject)
  })
  for (const { name, content } of files) {
    stream.entry(
      { name, mtime: new Date(0), uid: 0, gid: 0, mode: 0o644, type: 'file' },
      Buffer.from(content.buffer, content.byteOffset, content.byteLength),
    )
  }
  stream.finalize()
  await ended
  return Buffer.concat(chunks)
}
