/**
 * The virtual hosts of a route configuration that has very many. In: its cursor, and how single fields are read. Out: virtual hosts that read a field when somebody asks
 * for it, and keep nothing: read all at once they are five times as large as the configuration in binary. The routes of the last few that were asked are kept.
 * Invariant: the fields are those that readVirtualHost gives.
 */
import type { Cursor } from '../input/cursor.ts'
import type { VirtualHost } from './model.ts'

export type VirtualHostReader = { readonly [Name in keyof VirtualHost]: (at: Cursor) => VirtualHost[Name] }

/** Below, reading them once is quicker, and does not take much. */
export const MANY = 20_000
const KEPT = 64

export function manyVirtualHosts(configuration: Cursor, reader: VirtualHostReader): readonly VirtualHost[] {
  const source: Source = { configuration, reader, routes: new Map() }
  return Array.from({ length: configuration.count('virtual_hosts') }, (_, index) => new ReadVirtualHost(source, index))
}

interface Source {
  readonly configuration: Cursor
  readonly reader: VirtualHostReader
  /** by number of the virtual host */
  readonly routes: Map<number, VirtualHost['routes']>
}

class ReadVirtualHost implements VirtualHost {
  private readonly source: Source
  private readonly index: number

  constructor(source: Source, index: number) {
    this.source = source
    this.index = index
  }

  private get at(): Cursor {
    return this.source.configuration.item('virtual_hosts', this.index)
  }

  get routes(): VirtualHost['routes'] {
    const { routes, reader } = this.source
    const known = routes.get(this.index)
    if (known !== undefined) return known
    const read = reader.routes(this.at)
    if (routes.size >= KEPT) routes.clear()
    routes.set(this.index, read)
    return read
  }

  get path() {
    return this.source.reader.path(this.at)
  }
  get name() {
    return this.source.reader.name(this.at)
  }
  get domains() {
    return this.source.reader.domains(this.at)
  }
  get requireTls() {
    return this.source.reader.requireTls(this.at)
  }
  get matcher() {
    return this.source.reader.matcher(this.at)
  }
  get headers() {
    return this.source.reader.headers(this.at)
  }
  get retry() {
    return this.source.reader.retry(this.at)
  }
  get hedge() {
    return this.source.reader.hedge(this.at)
  }
  get mirrors() {
    return this.source.reader.mirrors(this.at)
  }
  get filters() {
    return this.source.reader.filters(this.at)
  }
  get includeRequestAttemptCount() {
    return this.source.reader.includeRequestAttemptCount(this.at)
  }
  get includeAttemptCountInResponse() {
    return this.source.reader.includeAttemptCountInResponse(this.at)
  }
  get metadata() {
    return this.source.reader.metadata(this.at)
  }
  get virtualClusters() {
    return this.source.reader.virtualClusters(this.at)
  }
}
