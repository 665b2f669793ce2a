import OperatorText
import SRUP

/// What a list of nodes was asked for.
struct ConsoleNodesQuery: Sendable {
    var list = C2Fleet.Query()

    init(_ query: ConsoleForm) {
        list.search = String((query["search"] ?? "").prefix(64))
        list.state = query["state"].flatMap(C2Fleet.State.init(rawValue:))
        list.observers = query["role"].flatMap { ["observer": true, "other": false][$0] }
        list.site = query["nosite"] == "1" ? "" : query["site"].flatMap { $0.isEmpty ? nil : $0 }
        list.sort = query["sort"].flatMap(C2Fleet.Sort.init(rawValue:)) ?? .state
        list.page = max(0, query["page"].flatMap { Int($0) }.map { min($0, 1_000_000) - 1 } ?? 0)
    }

    /// The address of another page of the same list.
    func address(page: Int) -> HTML {
        var fields: [String] = []
        if !list.search.isEmpty { fields.append("search=" + ConsolePage.escaped(address: list.search)) }
        if let state = list.state { fields.append("state=\(state.rawValue)") }
        if let observers = list.observers { fields.append("role=" + (observers ? "observer" : "other")) }
        if let site = list.site {
            fields.append(site.isEmpty ? "nosite=1" : "site=" + ConsolePage.escaped(address: site))
        }
        if list.sort != .state { fields.append("sort=\(list.sort.rawValue)") }
        if page > 0 { fields.append("page=\(page + 1)") }
        return fields.isEmpty
            ? "\(ConsolePage.nodesPath)" : "\(ConsolePage.nodesPath)?\(fields.joined(separator: "&"))"
    }
}

// The list of all nodes: fifty on a page, without forms in the rows.
extension ConsolePage {
    /// Bounds on the sites that the choice offers, and on its bytes; others are found by the search.
    private static let (mostSites, mostSiteBytes) = (200, 12_000)

    static func nodes(_ query: ConsoleNodesQuery, _ view: ConsoleView) -> ConsoleContent {
        ConsoleContent(
            title: "Nodes", heading: "<h1>Nodes</h1>", place: nodesPath,
            parts: [
                ConsolePart(id: "filter") { filter(query, view) },
                ConsolePart(id: "rows", how: .count, kinds: [.nodes]) { rows(query, view) },
                ConsolePart(id: "sites") { siteSection(view) },
            ])
    }

    private static func filter(_ query: ConsoleNodesQuery, _ view: ConsoleView) -> HTML {
        func option(_ value: String, _ text: String, _ isChosen: Bool) -> HTML {
            "<option value=\"\(value)\"\(isChosen ? " selected" as HTML : "")>\(text)</option>"
        }
        let states = C2Fleet.State.allCases.map {
            option($0.rawValue, "\($0.label) (\(view.fleet.count($0)))", query.list.state == $0)
        }
        let sites = view.fleet.sites.keys.filter { !$0.isEmpty }.sorted().prefix(mostSites)
        var bytes = 0
        let siteOptions = sites.map { option($0, $0, query.list.site == $0) }.prefix {
            bytes += $0.text.utf8.count
            return bytes <= mostSiteBytes
        }
        let isWithout: HTML = query.list.site == "" ? " checked" : ""
        let roles = [("observer", "observers", true), ("other", "other nodes", false)].map {
            option($0.0, $0.1, query.list.observers == $0.2)
        }
        let sorts: [(C2Fleet.Sort, String)] = [
            (.state, "what needs attention"), (.name, "name"), (.site, "site"), (.heard, "last heard"),
            (.id, "identity"),
        ]
        let sortOptions = sorts.map { option($0.0.rawValue, $0.1, query.list.sort == $0.0) }
        return """
            <form method="get" action="\(nodesPath)" class="filter" role="search">
            <div><label for="search">Name, site or identity</label>
            <input id="search" name="search" type="search" value="\(query.list.search)" maxlength="64" autocomplete="off"></div>
            <div><label for="state">State</label><select id="state" name="state"><option value="">all</option>\(states)</select></div>
            <div><label for="role">Role</label><select id="role" name="role"><option value="">all</option>\(roles)</select></div>
            <div><label for="site">Site</label><select id="site" name="site"><option value="">all</option>\
            \(Array(siteOptions))</select></div>
            <div><label for="nosite">Without a site</label>
            <input id="nosite" name="nosite" type="checkbox" value="1"\(isWithout)></div>
            <div><label for="sort">Order by</label><select id="sort" name="sort">\(sortOptions)</select></div>
            <button class="plain">Show</button>
            </form>
            """
    }

    private static func rows(_ query: ConsoleNodesQuery, _ view: ConsoleView) -> HTML {
        let list = view.fleet.list(query.list)
        let rows = list.nodes.map { row($0, view) }
        let pages = max(1, (list.total + C2Fleet.pageLength - 1) / C2Fleet.pageLength)
        let page = min(query.list.page, pages - 1)
        let before: HTML =
            page > 0 ? "<a class=\"button\" href=\"\(query.address(page: page - 1))\" rel=\"prev\">Previous</a>" : ""
        let after: HTML =
            page + 1 < pages
            ? "<a class=\"button\" href=\"\(query.address(page: page + 1))\" rel=\"next\">Next</a>" : ""
        let counts = C2Fleet.State.allCases.filter { view.fleet.count($0) > 0 }.map { state -> HTML in
            "<li><a href=\"\(nodesPath)?state=\(state.rawValue)\">\(badge(state)) \(view.fleet.count(state))</a></li>"
        }
        return """
            <ul class="counts" aria-label="Nodes by state">\(counts)</ul>
            <table class="nodes">
            <caption class="unseen">Nodes, page \(page + 1) of \(pages)</caption>
            <thead><tr><th scope="col">Node</th><th scope="col">State</th><th scope="col">Last heard</th>\
            <th scope="col">Site</th><th scope="col">Last join</th><th scope="col">Tells</th></tr></thead>
            <tbody id="rows">\(rows)</tbody>
            </table>
            <p class="empty faint">No node matches.</p>
            <nav aria-label="Pages of the list" class="choice"><span class="faint">\(list.total) nodes, page \(page + 1) of \(pages)</span> \
            \(before)\(after)</nav>
            """
    }

    private static func row(_ node: C2Fleet.Node, _ view: ConsoleView) -> HTML {
        let claim: HTML =
            node.facts.name == nil
            ? node.facts.told?.name.map { "<br><span class=\"claim\">calls itself “\(clipped($0, 80))”</span>" } ?? ""
            : ""
        let heard: HTML = node.facts.heard.map { ago($0, view) } ?? "<span class=\"faint\">never</span>"
        let isOpen = node.orders.contains { $0.answered == nil }
        let order: HTML = isOpen ? "<br><span class=\"warn\">an order is open</span>" : ""
        let role: HTML = node.mayObserve ? " <span class=\"badge\">observer</span>" : ""
        return """
            <tr id="node-\(node.id)"><th scope="row">\(link(node.id, view))\(role)\(claim)</th>
            <td data-name="State">\(badge(node.state))\(order)</td>
            <td data-name="Last heard">\(heard)</td>
            <td data-name="Site">\(clipped(node.site, 80))</td>
            <td data-name="Last join">\(lastJoin(node, view))</td>
            <td data-name="Tells">\(tells(node, view))</td></tr>

            """
    }

    private static func lastJoin(_ node: C2Fleet.Node, _ view: ConsoleView) -> HTML {
        guard let join = node.facts.join else { return "" }
        return """
            <span class="\(join.decision.rawValue)">\(join.decision.rawValue)</span> \(ago(join.at, view))\
            <br><span class="faint">\(clipped(join.reason, 100))</span>
            """
    }

    /// What a beacon tells of itself, in a few words; what must catch the eye first.
    private static func tells(_ node: C2Fleet.Node, _ view: ConsoleView) -> HTML {
        guard let told = node.facts.told else { return "" }
        let warnings = self.warnings(node, view).map { "<span class=\"warn\">\($0)</span><br>" as HTML }
        let adapters = told.adapters.prefix(4).map { "\($0.name) \($0.state)" }.joined(separator: ", ")
        let counts = [(told.open, "open"), (told.accepted, "accepted"), (told.refused, "refused")]
            .compactMap { count, word in count.map { "\($0) \(word)" } }.joined(separator: ", ")
        return "\(warnings)\(clipped(adapters, 120))<br><span class=\"faint\">\(counts)</span>"
    }

    /// What must catch the eye: an expiring certificate, and what differs from the rest of the site.
    static func warnings(_ node: C2Fleet.Node, _ view: ConsoleView) -> [String] {
        var warnings =
            node.record?.fault.map { ["its record of verdicts cannot be trusted: \(clipped($0, 200))"] } ?? []
        guard let told = node.facts.told, node.isMember else { return warnings }
        let (now, soon) = (Timestamp(view.now / 1_000), Timestamp(view.now / 1_000 + ConsolePolicy.expiresSoon))
        if told.expires(before: now.description) {
            warnings.append("certificate expired on \(told.certificateExpires?.prefix(10) ?? "")")
        } else if told.expires(before: soon.description) {
            warnings.append("certificate expires on \(told.certificateExpires?.prefix(10) ?? "")")
        }
        let site = view.fleet.sites[node.site]
        if let version = told.version, let usual = site.flatMap({ C2Fleet.usual($0.versions) }), usual != version {
            warnings.append("version \(clipped(version, 40)), its site has \(clipped(usual, 40))")
        }
        if let hash = told.configuration, let usual = site.flatMap({ C2Fleet.usual($0.configurations) }), usual != hash
        {
            warnings.append("another configuration than its site")
        }
        if told.observing == false, node.facts.isPaused != true { warnings.append("does not observe") }
        return warnings
    }
}
