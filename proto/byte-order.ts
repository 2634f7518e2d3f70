/** Host order <-> network order, for the two fields of km_match_key that the kernel compares byte by byte. */
export const swap16 = (value: number): number => ((value & 0xff) << 8) | (value >> 8)
export const swap32 = (value: number): number => ((swap16(value & 0xffff) << 16) | swap16(value >>> 16)) >>> 0
