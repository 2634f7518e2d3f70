/** A text of the snapshot in a message: quoted, on one line, cut when long. */
export function quote(text: string): string {
  const shown = JSON.stringify(text)
  return shown.length > 80 ? `${shown.slice(0, 76)}..."` : shown
}
