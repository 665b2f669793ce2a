import SRUP

// The required grade of evidence, and the sites whose beacons observe together.
extension Console {
    /// Handles the form that sets the required grade. A lower grade needs confirmation.
    func require(_ form: ConsoleForm, _ session: ConsoleSessions.Session) async -> ConsoleReply {
        guard let grade = form["require"].flatMap(C2.Grade.init(rawValue:)) else {
            return .message(400, "Refused", "No grade was given. Nothing was done.")
        }
        if await grade < dependencies.snapshot().requires, form["confirmed"] != "yes" {
            return .page(200, ConsolePage.confirm(grade, session))
        }
        return tell(await dependencies.obey(.require(grade)), session)
    }
}

extension ConsolePage {
    /// The path of the form.
    static let requirePath = "/require"

    static func requirement(_ view: ConsoleView) -> HTML {
        let now = view.snapshot.requires
        let choices = C2.Grade.allCases.filter { $0 != now }.map { grade -> HTML in
            "<button class=\"plain\" name=\"require\" value=\"\(grade.rawValue)\">Require \(grade.rawValue)</button> "
        }
        return """
            <section aria-labelledby="requirement-heading">
            <h2 id="requirement-heading">Evidence</h2>
            <p>Required grade of evidence: <strong>\(now.rawValue)</strong>. \(now.meaning)</p>
            <form method="post" action="\(requirePath)" class="orders">\(token(view.session))
            \(choices)
            </form>
            </section>
            """
    }

    /// Bound on the sites of the page, and on the beacons of each that are named.
    private static let (mostSites, mostBeacons) = (20, 10)

    /// The sites whose beacons observe together: they are set on the command line and cannot be changed here.
    static func siteSection(_ view: ConsoleView) -> HTML {
        let sites = view.snapshot.sites
        guard !sites.isEmpty else { return "" }
        let rows = sites.prefix(mostSites).enumerated().map { place, site -> HTML in
            let beacons = site.beacons.prefix(mostBeacons).map { beacon -> HTML in
                "<li>\(link(beacon.id, view)) \(beacon.isAsked ? "" : "is not asked: \(beacon.shortcoming)")</li>"
            }
            let more: HTML =
                site.beacons.count > mostBeacons ? "<li>and \(site.beacons.count - mostBeacons) more</li>" : ""
            return """
                <tr id="site-\(place)"><th scope="row">\(site.name)</th>
                <td data-name="Beacons"><ul class="plain">\(beacons)\(more)</ul></td>
                <td data-name="Quorum">\(site.quorum) of \(site.beacons.count), by keyed proofs</td></tr>
                """
        }
        let more: HTML = sites.count > mostSites ? "<p class=\"faint\">And \(sites.count - mostSites) more.</p>" : ""
        return """
            <section aria-labelledby="sites-heading">
            <h2 id="sites-heading">Sites with a quorum</h2>
            <table class="nodes">
            <thead><tr><th scope="col">Site</th><th scope="col">Beacons</th><th scope="col">Quorum</th></tr></thead>
            <tbody id="quorums">\(rows)</tbody>
            </table>\(more)
            </section>
            """
    }

    /// A question before a lower grade is required.
    static func confirm(_ grade: C2.Grade, _ session: ConsoleSessions.Session) -> HTML {
        document(
            title: "Require less",
            """
            <main id="main" class="small">
            <h1>Require less: <strong>\(grade.rawValue)</strong>?</h1>
            <p>\(grade.meaning) This also applies to the open joins.</p>
            <form method="post" action="\(requirePath)">\(token(session))
            <input type="hidden" name="require" value="\(grade.rawValue)">
            <input type="hidden" name="confirmed" value="yes">
            <p class="choice"><a class="button" href="/">Cancel</a>
            <button class="danger">Require \(grade.rawValue)</button></p>
            </form>
            </main>
            """)
    }

    /// The grade of a finished join, if an observer said valid.
    static func grade(_ grade: C2.Grade?) -> HTML {
        grade.map { "<span class=\"badge\">\($0.rawValue)</span>" } ?? ""
    }

    /// The votes in an observed join so far; without a site, its observer decides.
    static func votes(_ votes: C2Snapshot.Votes?) -> HTML {
        guard let votes else { return "<p class=\"faint\">Its observer decides.</p>" }
        func list(_ beacons: [Identifier]) -> [HTML] { beacons.prefix(mostBeacons).map { " \(code($0))" } }
        let seen: HTML = votes.seen.isEmpty ? "" : " Seen by:\(list(votes.seen))."
        let unseen: HTML = votes.unseen.isEmpty ? "" : " Not seen by:\(list(votes.unseen))."
        return "<p class=\"votes\">Site \(votes.site): \(votes.description).\(seen)\(unseen)</p>"
    }
}

extension C2.Grade {
    /// What the grade requires, as a sentence.
    var meaning: String {
        switch self {
        case .reachable: "The observer's verdict is sufficient."
        case .challenged:
            "The observer must report that the device answered a challenge; this needs report-evidence = yes."
        case .keyed:
            "The device must have signed its answer, and this server checks tag and signature. No observer can forge that."
        }
    }
}

extension C2Snapshot.Beacon {
    fileprivate var shortcoming: String { mayObserve ? "it has not joined" : "it may not observe" }
}
