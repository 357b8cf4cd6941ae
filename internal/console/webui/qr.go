package webui

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// qrQuiet is the light border that a code needs, in modules (ISO/IEC 18004).
const qrQuiet = 4

// qrPicture is a QR code as one path in modules, its border included.
type qrPicture struct {
	Size int // of a side; 0: there is no code
	Path string
}

// drawQR returns the code of a text. What fits no code has none: what it says
// stands beside it.
func drawQR(text string) qrPicture {
	code, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return qrPicture{}
	}
	return drawModules(code)
}

// drawModules draws each run of dark modules in a row as a rectangle.
func drawModules(code image.Image) qrPicture {
	side := code.Bounds().Dx()
	dark := func(x, y int) bool { return x < side && color.GrayModel.Convert(code.At(x, y)).(color.Gray).Y < 128 }
	var path strings.Builder
	for y := range side {
		for x := 0; x < side; x++ {
			from := x
			for dark(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+qrQuiet, y+qrQuiet, x-from, x-from)
			}
		}
	}
	return qrPicture{Size: side + 2*qrQuiet, Path: path.String()}
}
