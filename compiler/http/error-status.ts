/**
 * Statuses that something is refused with. In: the cursor of an HttpStatus. Out: its code where that is an error, else what stands in for it.
 * Source: Envoy's local_ratelimit (toErrorCode), original_ip_detection/custom_header; tried on Envoy 1.40.
 */
import type { Cursor } from '../input/cursor.ts'

export function errorStatus(at: Cursor, otherwise: number): number {
  const code = at.raw('code')
  const status = typeof code === 'number' ? code : ERRORS.get(String(code))
  return status === undefined || status < 400 ? otherwise : status
}

/** names of envoy.type.v3.StatusCode */
const ERRORS: ReadonlyMap<string, number> = new Map(
  (
    [
      [
        400,
        'BadRequest Unauthorized PaymentRequired Forbidden NotFound MethodNotAllowed NotAcceptable ProxyAuthenticationRequired RequestTimeout Conflict Gone',
      ],
      [411, 'LengthRequired PreconditionFailed PayloadTooLarge URITooLong UnsupportedMediaType RangeNotSatisfiable ExpectationFailed'],
      [421, 'MisdirectedRequest UnprocessableEntity Locked FailedDependency'],
      [426, 'UpgradeRequired'],
      [428, 'PreconditionRequired TooManyRequests'],
      [431, 'RequestHeaderFieldsTooLarge'],
      [
        500,
        'InternalServerError NotImplemented BadGateway ServiceUnavailable GatewayTimeout HTTPVersionNotSupported VariantAlsoNegotiates InsufficientStorage LoopDetected',
      ],
      [510, 'NotExtended NetworkAuthenticationRequired'],
    ] as const
  ).flatMap(([first, names]) => names.split(' ').map((name, index) => [name, first + index] as const)),
)
