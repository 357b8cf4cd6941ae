package pgproxy

// paramNumber is the subject that a parameter names. The value is kept until
// a row comes: a key without a row is nobody.
type paramNumber struct {
	number   uint32
	resolved bool
	ok       bool
	format   int16
	value    []byte
	null     bool
}

// bindParam keeps the value of a parameter that names a subject.
func (x *execution) bindParam(k int, value []byte, format int16) {
	for len(x.nums) < len(x.plan.params) {
		x.addParam().null = true
	}
	n := &x.nums[k]
	n.resolved, n.ok, n.format, n.null = false, false, format, value == nil
	n.value = append(n.value[:0], value...)
}

// addParam adds a parameter that has nothing but the memory of an earlier one.
func (x *execution) addParam() *paramNumber {
	if n := len(x.nums); n < cap(x.nums) {
		x.nums = x.nums[:n+1]
		x.nums[n] = paramNumber{value: x.nums[n].value[:0]}
	} else {
		x.nums = append(x.nums, paramNumber{})
	}
	return &x.nums[len(x.nums)-1]
}

// copyParams gives x the parameters of another execution. Values are copied:
// both executions use their memory again.
func (x *execution) copyParams(from *execution) {
	for i := range from.nums {
		n := x.addParam()
		own := append(n.value, from.nums[i].value...)
		*n = from.nums[i]
		n.value = own
	}
}

// maxKeptValue bounds the memory that is kept for a parameter.
const maxKeptValue = 256

// clear empties x and keeps memory for the next execution.
func (x *execution) clear() {
	for i := range x.nums {
		if cap(x.nums[i].value) > maxKeptValue {
			x.nums[i].value = nil
		}
	}
	*x = execution{cols: x.cols[:0], nums: x.nums[:0], masks: x.masks[:0], text: x.text[:0]}
}

// paramRow counts a row of the subject that parameter i names.
func (e *engine) paramRow(x *execution, i int) {
	p := x.plan
	if p.params[i].part < 0 {
		return
	}
	t := &x.slot.tallies[p.params[i].part]
	if i >= len(x.nums) {
		t.lost++
		return
	}
	n := &x.nums[i]
	if !n.resolved {
		n.resolved = true
		if !n.null {
			n.number, n.ok = e.number(p.parts[p.params[i].part].numbers, p.params[i].typ, n.format, n.value)
		}
	}
	if n.ok {
		t.add(n.number)
		return
	}
	t.lost++
}
