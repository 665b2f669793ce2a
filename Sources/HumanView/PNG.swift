import CPNG

extension Picture {
    /// The picture as a PNG file.
    /// - Throws: `LibraryFault` if libpng is not installed.
    public func png() throws(LibraryFault) -> [UInt8] {
        guard cpng_load() else { throw .missing(package: "libpng16-16") }
        let raster = Raster(self)
        let palette = raster.palette.flatMap { [$0.rgb.red, $0.rgb.green, $0.rgb.blue] }
        // The upper bound without compression: the pixels, and a little for each chunk.
        var size = raster.pixels.count + 4096
        var file = [UInt8](repeating: 0, count: size)
        let isDone = cpng_encode(
            raster.pixels, UInt32(raster.width), UInt32(raster.height), palette, UInt32(raster.palette.count), &file,
            &size)
        guard isDone else { throw .failed(package: "libpng16-16") }
        return Array(file[..<size])
    }
}

/// A picture in pixels, each an index into the palette.
struct Raster {
    let width, height: Int
    /// Black and white come first: a picture without colours needs one bit a pixel.
    let palette: [Grid.Cell]
    private(set) var pixels: [UInt8]

    init(_ picture: Picture) {
        switch picture.form {
        case .text(let lines):
            let size = 4
            let edge = Glyph.width * size
            let (columns, height) = (lines.map(\.count).max() ?? 0, Glyph.height * size)
            self.init(
                width: 2 * edge + columns * edge, height: 2 * edge + lines.count * height, palette: [.black, .white])
            for (row, line) in lines.enumerated() {
                for (column, character) in line.enumerated() {
                    draw(character, x: edge + column * edge, y: edge + row * height, size: size, in: .black)
                }
            }
        case .grid(let grid):
            let (hasLetters, side) = (grid.cells.contains { $0.letter != nil }, 40)
            self.init(
                width: (grid.columns + 2 * grid.margin) * side, height: (grid.rows + 2 * grid.margin) * side,
                palette: hasLetters ? [.black, .white, .navy, .orange, .aqua, .yellow] : [.black, .white])
            for row in 0..<grid.rows {
                for column in 0..<grid.columns {
                    let cell = grid[row, column]
                    let (x, y) = ((column + grid.margin) * side, (row + grid.margin) * side)
                    fill(x: x, y: y, side: side, with: cell)
                    if let letter = cell.letter { draw(letter, x: x + 13, y: y + 10, size: 3, in: cell.ink) }
                }
            }
        }
    }

    private init(width: Int, height: Int, palette: [Grid.Cell]) {
        (self.width, self.height, self.palette) = (width, height, palette)
        pixels = [UInt8](repeating: 1, count: width * height)  // white
    }

    private mutating func fill(x: Int, y: Int, side: Int, with cell: Grid.Cell) {
        guard let place = palette.firstIndex(of: cell) else { return }
        for line in y..<y + side {
            for pixel in line * width + x..<line * width + x + side { pixels[pixel] = UInt8(place) }
        }
    }

    private mutating func draw(_ character: Character, x: Int, y: Int, size: Int, in ink: Grid.Cell) {
        for dot in Glyph.dots(of: character) {
            fill(x: x + dot.column * size, y: y + dot.row * size, side: size, with: ink)
        }
    }
}
