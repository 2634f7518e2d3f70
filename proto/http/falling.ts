/**
 * What becomes of a client whose request is left to user space. In: nothing. Out: what was drawn for the request, and the layout of fences.
 *
 * A fence is what the holder sends through the queue of a client, behind answers that a worker of the kernel carries there, and gets back when all of them have left that queue (bpf/lib/http/fence.h).
 */
import { layout } from '../layout.ts'

/** km_client.drawn: nothing; a number, by which fractions of routes and weights are decided; and its filters have let it pass; and the first of its filters that draws has stopped it. */
export const DRAWN_NOTHING = 0
export const DRAWN_NUMBER = 1
export const DRAWN_PASSED = 2
export const DRAWN_STOPPED = 3

/** Key in km_upstreams of the socket that fences are sent from and come back to (bpf/lib/http/fence.h); no cookie. */
export const FENCE_KEY = 0
/** First word of a fence. */
export const FENCE_MAGIC = 0x6b6d666e

export const fence = layout(
  'km_fence',
  'What the holder sends through the queue of a client, and gets back when everything before it has left that queue.',
  {
    magic: ['u32', 'FENCE_MAGIC'],
    carried: ['u32', 'km_client.carried when it was sent'],
    client: ['u64', 'cookie'],
    secret: ['u64', 'km_client.fence: nobody else can say it'],
  },
)

export const FALLING_LAYOUTS = [fence] as const
