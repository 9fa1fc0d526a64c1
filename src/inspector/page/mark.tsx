/** The gate of a lock, seen from above. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path class="wall" d="M7 8v16M25 8v16" />
      <path class="gate" d="M7 10.5 15 16 7 21.5M25 10.5 17 16l8 5.5" />
    </svg>
  )
}
