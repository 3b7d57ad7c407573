package main

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"github.com/shoal-nn/shoal/nn"
	"github.com/shoal-nn/shoal/notes"
)

// The picture's measures, in pixels, and the square of the plane that a panel
// shows: −reach to reach in both features.
const (
	side    = 300
	gap     = 24
	heading = 30 // above a panel, for its title
	across  = 3
	reach   = 4.6
	dot     = 3.4 // radius of a point
	letter  = 2   // a dot of a letter
)

var (
	white  = color.RGBA{255, 255, 255, 255}
	ink    = color.RGBA{45, 45, 55, 255}
	orange = color.RGBA{232, 119, 34, 255} // petal 0
	blue   = color.RGBA{38, 108, 178, 255} // petal 1
)

// A panel is what one network makes of the plane.
type panel struct {
	net   *nn.NetworkOf[float64]
	title string
}

func title(units int, accuracy float64) string {
	s := "s"
	if units == 1 {
		s = ""
	}
	return fmt.Sprintf("%d unit%s  %.1f%%", units, s, 100*accuracy)
}

// draw puts the panels in rows of three: orange and blue for the two petals, the
// paler the less certain, a line where the network can't decide, and the points.
func draw(panels []panel, X, Y notes.Matrix) (*image.RGBA, error) {
	down := (len(panels) + across - 1) / across
	img := image.NewRGBA(image.Rect(0, 0, across*(side+gap)+gap, down*(side+heading+gap)+gap))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for i, p := range panels {
		corner := panelCorner(i)
		if err := drawPlane(img, corner, p.net); err != nil {
			return nil, err
		}
		for j := range X[0] {
			fill := orange
			if Y[0][j] == 1 {
				fill = blue
			}
			drawPoint(img, corner, X[0][j], X[1][j], fill)
		}
		write(img, corner.Add(image.Pt(0, -heading+6)), p.title)
	}
	return img, nil
}

// panelCorner is the upper left corner of panel i, below its title.
func panelCorner(i int) image.Point {
	return image.Pt(gap+i%across*(side+gap), gap+i/across*(side+heading+gap)+heading)
}

// drawPlane asks the network about the middle of each pixel.
func drawPlane(img *image.RGBA, corner image.Point, net *nn.NetworkOf[float64]) error {
	pixels := nn.NewMatrix[float64](2, side*side)
	for y := range side {
		for x := range side {
			pixels.Set(0, y*side+x, (float64(x)+0.5)/side*2*reach-reach)
			pixels.Set(1, y*side+x, reach-(float64(y)+0.5)/side*2*reach)
		}
	}
	logits := nn.PredictorOf[float64]{Net: net, Logits: true}
	z, err := logits.Predict(pixels)
	if err != nil {
		return err
	}
	at := func(x, y int) float64 {
		return z.At(0, min(max(y, 0), side-1)*side+min(max(x, 0), side-1))
	}
	for y := range side {
		for x := range side {
			p := notes.Sigmoid.G(at(x, y))
			shade := mix(white, blue, 0.12+0.5*(2*p-1))
			if p < 0.5 {
				shade = mix(white, orange, 0.12+0.5*(1-2*p))
			}
			// The boundary is z = 0, about |z| / |slope of z| pixels from here.
			slope := math.Hypot(at(x+1, y)-at(x-1, y), at(x, y+1)-at(x, y-1)) / 2
			near := 1.6 - math.Abs(at(x, y))/slope
			img.SetRGBA(corner.X+x, corner.Y+y, mix(shade, ink, 0.9*near))
		}
	}
	return nil
}

// drawPoint draws a disk with a white rim; a pixel that it covers in part is
// mixed with what was there.
func drawPoint(img *image.RGBA, corner image.Point, x1, x2 float64, fill color.RGBA) {
	cx := (x1 + reach) / (2 * reach) * side
	cy := (reach - x2) / (2 * reach) * side
	for y := int(cy - dot - 2); y <= int(cy+dot+2); y++ {
		for x := int(cx - dot - 2); x <= int(cx+dot+2); x++ {
			if x < 0 || y < 0 || x >= side || y >= side {
				continue
			}
			inside := dot - math.Hypot(float64(x)+0.5-cx, float64(y)+0.5-cy)
			under := img.RGBAAt(corner.X+x, corner.Y+y)
			rimmed := mix(under, white, inside+1.5)
			img.SetRGBA(corner.X+x, corner.Y+y, mix(rimmed, fill, inside+0.5))
		}
	}
}

// mix is a for share 0, b for share 1; beyond is as the end.
func mix(a, b color.RGBA, share float64) color.RGBA {
	share = min(max(share, 0), 1)
	part := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + share*(float64(b)-float64(a)))) }
	return color.RGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), 255}
}

// font has the letters of the titles, 5 wide and 7 high: a number a row, its
// highest bit on the left.
var font = map[rune][7]uint8{
	'0': {14, 17, 19, 21, 25, 17, 14},
	'1': {4, 12, 4, 4, 4, 4, 14},
	'2': {14, 17, 1, 2, 4, 8, 31},
	'3': {31, 2, 4, 2, 1, 17, 14},
	'4': {2, 6, 10, 18, 31, 2, 2},
	'5': {31, 16, 30, 1, 1, 17, 14},
	'6': {6, 8, 16, 30, 17, 17, 14},
	'7': {31, 1, 2, 4, 8, 8, 8},
	'8': {14, 17, 17, 14, 17, 17, 14},
	'9': {14, 17, 17, 15, 1, 2, 12},
	'%': {24, 25, 2, 4, 8, 19, 3},
	'.': {0, 0, 0, 0, 0, 12, 12},
	'i': {4, 0, 12, 4, 4, 4, 14},
	'n': {0, 0, 22, 25, 17, 17, 17},
	's': {0, 0, 15, 16, 14, 1, 30},
	't': {8, 8, 28, 8, 8, 9, 6},
	'u': {0, 0, 17, 17, 17, 19, 13},
}

// write writes text from its upper left corner on.
func write(img *image.RGBA, at image.Point, text string) {
	for _, r := range text {
		for y, row := range font[r] {
			for x := range 5 * letter {
				for dy := range letter {
					if row>>(4-x/letter)&1 == 1 {
						img.SetRGBA(at.X+x, at.Y+y*letter+dy, ink)
					}
				}
			}
		}
		at.X += 6 * letter
	}
}
