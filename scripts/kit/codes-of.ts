/** What work is refused with. In: work. Out: the codes of its findings, none where it succeeds; any other failure is thrown on. */
import { CodedError } from '../../runtime/coded-error.ts'

export async function codesOf(work: () => Promise<unknown> | unknown): Promise<readonly string[]> {
  try {
    await work()
    return []
  } catch (error) {
    if (error instanceof CodedError) return error.findings.map(({ code }) => code)
    throw error
  }
}
