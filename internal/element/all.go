package element

import "math/bits"

func trailing(w uint64) int          { return bits.TrailingZeros64(w) }
func (s *Scanner) scanAll(n int)     {}
func (s *Scanner) judgeNumber(p int) {}
