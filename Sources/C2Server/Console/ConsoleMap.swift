import SRUP

// The map: who vouched for whom, by the last join of each device. A drawing, and the same as a table.
extension ConsolePage {
    /// Above this number of devices, the drawing has one box for all devices of a beacon.
    static let mostDrawn = 60
    /// Beacons, and others who vouched, on one page.
    static let mostVouchers = 50

    /// One line of the map.
    private struct Row {
        let voucher: C2Fleet.Voucher
        let vouching: C2Fleet.Vouching

        var refused: Int { vouching.devices.keys.count - vouching.accepted }
    }

    static func map(_ page: Int, _ view: ConsoleView) -> ConsoleContent {
        ConsoleContent(
            title: "Map", heading: "<h1>Who vouched for whom</h1>", place: mapPath,
            parts: [ConsolePart(id: "map", how: .replace, kinds: [.joins]) { map(page: page, view) }])
    }

    private static func map(page: Int, _ view: ConsoleView) -> HTML {
        let fleet = view.fleet
        let others: [C2Fleet.Voucher] = [.person, .nobody].filter { fleet.vouching[$0] != nil }
        let total = fleet.vouchers.keys.count + others.count
        let pages = max(1, (total + mostVouchers - 1) / mostVouchers)
        let first = min(page, pages - 1) * mostVouchers
        let beacons = fleet.vouchers.keys.dropFirst(first).prefix(mostVouchers).map { C2Fleet.Voucher.beacon($0.node) }
        let shown =
            beacons + others.dropFirst(max(0, first - fleet.vouchers.keys.count)).prefix(mostVouchers - beacons.count)
        let rows = shown.compactMap { voucher in fleet.vouching[voucher].map { Row(voucher: voucher, vouching: $0) } }
        let devices = rows.reduce(0) { $0 + $1.vouching.devices.keys.count }
        let drawing: HTML =
            rows.isEmpty
            ? "<p class=\"faint\">No join has ended yet.</p>"
            : devices > mostDrawn ? aggregated(rows, view) : drawn(rows, view)
        func link(_ page: Int, _ text: HTML) -> HTML {
            "<a class=\"button\" href=\"\(mapPath)?page=\(page + 1)\">\(text)</a>"
        }
        let current = first / mostVouchers
        let before: HTML = current > 0 ? link(current - 1, "Previous") : ""
        let after: HTML = current + 1 < pages ? link(current + 1, "Next") : ""
        return """
            <p>It shows who vouched at the last join of each device. It does not show where things are.</p>
            <p class="faint">Solid: accepted by observation. Dashed: a person compared the values, or a simple join. \
            Red: not accepted. A join that nobody gave a verdict on is not shown.</p>
            <div id="drawing" class="figure" tabindex="0" role="region" aria-label="Drawing">\(drawing)</div>
            \(table(rows, view))
            <nav aria-label="Pages of the map" class="choice">\(before)\(after)</nav>
            """
    }

    // MARK: - The drawing

    private static let (left, right, width, step) = (20, 470, 760, 34)

    private static func name(_ voucher: C2Fleet.Voucher, _ view: ConsoleView) -> String {
        switch voucher {
        case .beacon(let id): name(id, view)
        case .person: "a person"
        case .nobody: "simple join: nobody"
        }
    }

    private static func name(_ id: Identifier, _ view: ConsoleView) -> String {
        (view.fleet[id]?.facts.name).map { "\(clipped(String($0.prefix(18)), 60)) …\(id.description.suffix(4))" }
            ?? id.description
    }

    private static func box(_ x: Int, _ y: Int, _ text: String, _ kind: HTML) -> HTML {
        """
        <rect class="box \(kind)" x="\(x)" y="\(y - 13)" width="270" height="26" rx="6"/>\
        <text x="\(x + 10)" y="\(y + 5)">\(text)</text>

        """
    }

    private static func svg(_ height: Int, _ body: [HTML]) -> HTML {
        """
        <svg class="map" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" role="img" \
        aria-label="Who vouched for whom; the table below has the same">
        \(body)</svg>
        """
    }

    private static func line(_ from: Int, _ to: Int, _ voucher: C2Fleet.Voucher, isNegative: Bool) -> HTML {
        var kind: HTML = if case .beacon = voucher { "observed" } else { "other" }
        if isNegative { kind = "\(kind) negative" }
        return """
            <line class="\(kind)" x1="\(left + 270)" y1="\(from)" x2="\(right)" y2="\(to)"/>

            """
    }

    private static func drawn(_ rows: [Row], _ view: ConsoleView) -> HTML {
        var (lines, boxes): ([HTML], [HTML]) = ([], [])
        var y = 24
        for row in rows {
            let devices = row.vouching.devices.keys.map(\.node)
            let middle = y + (devices.count - 1) * step / 2
            boxes.append(box(left, middle, name(row.voucher, view), "voucher"))
            for device in devices {
                let isNegative = view.fleet[device]?.facts.join?.decision != .accepted
                lines.append(line(middle, y, row.voucher, isNegative: isNegative))
                boxes.append(box(right, y, name(device, view), isNegative ? "negative" : "device"))
                y += step
            }
            y += 10
        }
        return svg(y, lines + boxes)
    }

    private static func aggregated(_ rows: [Row], _ view: ConsoleView) -> HTML {
        var (lines, boxes): ([HTML], [HTML]) = ([], [])
        var y = 24
        for row in rows {
            let (accepted, refused) = (row.vouching.accepted, row.refused)
            let count = accepted + refused
            boxes.append(box(left, y, name(row.voucher, view), "voucher"))
            if accepted > 0 { lines.append(line(y, y - (refused > 0 ? 4 : 0), row.voucher, isNegative: false)) }
            if refused > 0 { lines.append(line(y, y + (accepted > 0 ? 4 : 0), row.voucher, isNegative: true)) }
            let text = "\(count) device\(count == 1 ? "" : "s"): \(accepted) accepted, \(refused) not"
            boxes.append(box(right, y, text, refused > accepted ? "negative" : "device"))
            y += step
        }
        return svg(y, lines + boxes)
    }

    // MARK: - The table

    /// Devices of one row that are named; of more, the number.
    private static let mostNamed = 3

    private static func table(_ rows: [Row], _ view: ConsoleView) -> HTML {
        let total = rows.reduce(0) { $0 + $1.vouching.devices.keys.count }
        let all = rows.map { row -> HTML in
            let voucher: HTML =
                if case .beacon(let id) = row.voucher { link(id, view) } else { "\(name(row.voucher, view))" }
            let keys = row.vouching.devices.keys
            let devices = keys.prefix(total > mostDrawn ? mostNamed : mostDrawn).map { key -> HTML in
                let decision = view.fleet[key.node]?.facts.join?.decision
                let isNegative = decision != .accepted
                let note: HTML = isNegative ? " <span class=\"bad\">\(decision?.rawValue ?? "")</span>" : ""
                // Links to all of them would be hundreds of stops for the keyboard.
                return "<li>\(total > mostDrawn ? who(key.node, view) : link(key.node, view))\(note)</li>"
            }
            let more: HTML = keys.count > devices.count ? "<li>and \(keys.count - devices.count) more</li>" : ""
            return """
                <tr><th scope="row">\(voucher)</th><td data-name="Accepted">\(row.vouching.accepted)</td>
                <td data-name="Not accepted">\(row.refused)</td>
                <td data-name="Devices"><ul class="plain">\(devices)\(more)</ul></td></tr>

                """
        }
        guard !all.isEmpty else { return "" }
        return """
            <table class="nodes">
            <caption>The same as a table</caption>
            <thead><tr><th scope="col">Who vouched</th><th scope="col">Accepted</th><th scope="col">Not accepted</th>\
            <th scope="col">Devices</th></tr></thead>
            <tbody>\(all)</tbody>
            </table>
            """
    }
}
