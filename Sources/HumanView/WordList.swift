// Made by Scripts/words.py, which says how. Do not change it: it is what both ends are pinned to.
//
// Chosen from the EFF's long word list for passphrases by Joseph Bonneau, Electronic Frontier Foundation, 2016
// (https://www.eff.org/deeplinks/2016/07/new-wordlists-random-passphrases). That list, and so this choice from it, is
// licensed under Creative Commons Attribution 3.0 United States (https://creativecommons.org/licenses/by/3.0/us/).
//
// SHA-256 of the words, a line feed between each two: ea81d981a94dafb794f98451c218fcf8e31c63373ab6c094fc4254047ca100e3

extension WordList {
    /// The 4096 words, sorted, with white space between them.
    static let text: StaticString = """
        abacus abdomen abdominal abiding ability ablaze abnormal abrasion abrasive abruptly absence absentee absinthe
        absolute absolve abstain abstract absurd accent acclimate accompany account accuracy accurate accustom acetone
        aching acorn acquaint acquire acre acrobat acronym action activate active activism activity actress acts acutely
        acuteness aerobics aerosol aerospace affected affection affidavit affiliate affirm afflicted affluent afford
        aflame afloat aflutter afoot afraid afterglow afterlife aftermath afternoon aged ageless agency agenda aggregate
        agile agnostic agonize agonizing agreeable agreed agreeing agreement ahead ahoy ajar alabaster alarm albatross
        album alfalfa algebra algorithm alias alibi alienate alike alkaline almanac almighty almost aloft aloha alone
        alongside aloof alphabet alright although altitude alto aluminum alumni always amaretto amaze amazingly ambiance
        ambiguous ambitious ambulance ambush amendable amendment amends amiable amicably ammonia ammonium amnesty
        amniotic amperage amplifier amply amuck amulet amused amusement amusing anaconda anaerobic anagram anatomist
        anatomy anchor anchovy ancient android anemia anew angelfish angelic angles angling angrily angriness anguished
        angular animating animation animator anime annex annotate announcer annoying annually annuity another answering
        antacid antarctic antelope antennae anthem anthill anthology antibody antics antidote antiquity antitrust
        antiviral antler antsy anvil anyhow anymore anyone anyplace anything anytime anywhere aorta apache apostle
        appealing appear appendage appendix appetite appetizer appliance applicant appointee appraisal apprehend
        approach approval approve apricot april aptly aqua aqueduct arbitrary arbitrate ardently area arguable argue
        arise armadillo armband armchair armoire armored armrest army aroma arrival arrogance arson ascension ascertain
        ashamed ashy aside asleep asparagus aspect aspirate aspire aspirin astonish astound astride astrology astronaut
        astronomy astute atlantic atop atrium atrocious atrophy attach attempt attendant attentive attest attic attire
        attribute atypical audacious audacity audibly audience audio audition augmented august authentic author
        autograph automaker automated automatic autopilot available avalanche avatar avenge avenging average aversion
        aviation await awaken aware awhile awkward awoke babbling backache backdrop backer backfield backfire backhand
        backlash backless backlight backpack backpedal backrest backroom backspin backstage backtrack backup backwater
        backyard bacteria badass badland badly badness bagel bagful bagginess bagpipe baguette bakery balance balancing
        balcony balsamic bamboo banana banister banjo bankable bankbook banked banknote bankroll barbecue barbed barbell
        barista baritone barley barman barn barometer barrack barrette barrier bartender basically basics basin basket
        batboy bath battalion battle bazooka blame blandness blank blatantly blazer bleak blemish blighted blimp
        blinking blinks blissful blitz blizzard bloating blob bloomers blooming blooper blouse bluish blunt blurry
        blustery boastful boat bobbing bobcat bobsled bogged bogus boil bolster boneless boney bonfire bonnet bonsai
        book boondocks booted bootleg boots boozy borax borough borrower borrowing boss botanical botanist botany
        bouncing bountiful bovine boxcar boxer breeches breeze brethren brewery bribe bridged brilliant brink brisket
        briskly brittle broadband broadcast broaden broadly broadside broiler broiling broken bronchial bronco bronze
        browbeat browsing brunette brush brussels buccaneer buckshot buckskin buckwheat buddhism buddy budget buffalo
        buffer buffoon bulk bulldog bulldozer bullfight bullfrog bullhorn bullion bullish bullpen bullseye bunch busboy
        busily busload cabana cabbage cabdriver cable caboose cacti cactus cadet cadmium cahoots calamari calamity
        calcium calculate calculus caliber calibrate caloric camcorder cameo camera camisole campfire camping campsite
        campus canal canary candied candle canopy canyon capable capacity capillary capital capricorn capsize capsule
        caption captivate captive captivity capture caramel caravan carbon cardboard carded cardiac cardigan cardinal
        carefully caregiver careless caress caretaker cargo carload carmaker carnation carnival carnivore carpenter
        carpool carrousel cartel cartoon cartridge cartwheel carve cascade casino casually catacomb catalog catalyst
        catalyze catapult cataract catatonic catcall catching caterer catfish cathedral catlike catnap catsup catwalk
        causation cauterize cavalier cavalry caviar cavity celery celestial celtic cement census ceramics ceremony
        certainly certified chalice challenge chamber chamomile champion change channel chaperone chaplain chapter
        character charcoal charger charging chariot charity chase chastise chastity chatroom chatty cheer chemicals
        cherub chest chevron chewy chihuahua childcare childhood childish childless childlike chirping chitchat chivalry
        chloride choosing chosen chowder chubby cider cilantro cinch cinema circular circulate circus citadel citizen
        citric citrus city civic clamshell clapper clarify clarinet clasp clavicle clay cleft clergyman client climate
        climatic cloak clothing cloud clover clubbed clubbing clubhouse clump clumsily clumsy clustered clutter coastal
        coaster coasting coastline coauthor cobalt cobweb coconut coerce coexist coffee cofounder cognition cognitive
        coherence cohesive cold coleslaw coliseum collage collapse collected collector collide collision colonial
        colonist colonize colony colossal come comfort commerce commode commodity commodore common commotion commute
        commuting compacted compactor companion compare compile comply component composed composite composure compound
        compress comprised computer comrade concave conceal conceded concept concerned concierge concise conclude
        concrete concur condense condiment condition condone conducive conductor conduit confess confetti confidant
        confiding configure confined conflict conform confront confused confusing confusion congenial congested congrats
        congress conical conjoined conjuror consensus consoling constable constant constrain constrict consult consumer
        consuming contact container contempt contented contort contour contrite control convene copartner copied copilot
        coping copious copper coral cornbread corncob cornea cornfield cornhusk cornmeal cornstalk coronary corporal
        correct corridor corrode corrosive corsage cortex cosmetics cosmic cosmos cosponsor couch countable countdown
        countless county covenant coveted coziness cozy crabmeat cradle cradling craftsman crafty cranberry cranial
        cranium crank craving crawfish crayon crazed crazily craziness create creation creative creature credible credit
        creole crepe crescent cresting crewman cricket crier crimson cringing crisply crispness criteria crook crowbar
        crucial cruelty crumpled cruncher crusader crushing crux crying cryptic crystal cubbyhole cube cubicle cucumber
        cuddly culinary culminate culpable culprit cultivate cultural culture cupcake curable curator curfew curing
        curly curtsy curvature custodian custody customary customer customize cycle cycling cyclist cylinder cytoplasm
        daffodil daily daintily dancing dandelion dandruff daredevil darkened darkening darkness darkroom darling dart
        dastardly daunting daybreak daycare daydream daylight daylong daytime dazzling deafening deafness dealmaker
        debatable debate debating debrief debunk decade decaf decathlon deceiving december decency deception deceptive
        decibel decimal decipher declared decline decompose decorated decorator decoy decrease dedicate deduct deface
        defacing default defection defective defendant defender defense defensive deferral deferred defiant define
        definite deflation deflator deflected deflector defrost deftly degrading dehydrate deity dejected delicacy
        delicious delighted delirium deliverer delouse delta deluge demanding demeaning demeanor demise democracy
        democrat demote demotion demystify denatured denial denim density dentist denture deodorant departed departure
        depict deplete depletion deplored deploy depose depraved depravity deprecate depress depth deputize deputy
        derail deranged derby derived desecrate deserve designed designing desktop desolate despair despise destiny
        destitute detached detector detention detergent detonator detoxify detract devalue deviancy deviate devious
        devouring devoutly dexterity diagnoses diagram diameter diaper dictate dictation difficult diffused diffusion
        dilation diligent dill dingo dining diocese dioxide diploma dipped direction directly disabled disagree disallow
        disarm disaster disband disbelief discharge disclose discolor discount discourse disdain disengage disgrace
        disinfect dislike disliking dislocate dislodge disloyal dismantle dismay dismiss disobey disorder disown
        disparate disparity dispersal display displease disprove dispute disregard disrupt dissuade distance distaste
        distill distinct distort distress district distrust dividend dividing divinely divinity division divisive
        divorcee dizziness dizzy doable doctrine document dodge doing dollar dollhouse dollop dolphin domain domestic
        dominion dominoes donated donation donor donut doodle doorknob doorman doornail doorstep doorway dormitory
        dorsal dosage dose dotted down dowry dragging drainage drainer dramatic dramatize drapery drastic dreadful
        dreamland dreamlike dreamy drew driller drinkable drinking dripping drivable driven driveway drizzly drone
        droplet dropout dropper dubiously duchess ducking dude dugout dullness dumpster duplex duplicate duplicity
        duration duress dusk dutiful dwarf dweeb dwelled dwelling dwindle dwindling dynamic dynamite dynasty dyslexic
        each eagle earful earmark earmuff earphone earpiece earplugs earring earshot earthling earthworm earthy easiest
        eastbound eastward eatable eatery eats ebony eccentric eclipse ecologist ecology economist economy ecosystem
        edginess editor educated education educator effects efficient effort eggnog eggplant eggshell egotism eject
        elaborate elastic elderly eldest electable election elective elephant elevate elevating elevation eleven
        eligible eliminate elitism elixir elope eloquence elsewhere elude elusive elves embargo embassy embattled
        embellish embezzle emblem embody embroider emerald emergency emoticon emperor emphases emphatic empirical
        employer emporium empower emptiness enable enactment enamel enchanted enchilada encircle enclose enclosure
        encode encounter encroach encrust encrypt endanger endeared endearing endless endocrine endorphin endorse
        endowment endpoint endurance energize energy enforced engaged engaging engraved engraving engulf enhance
        enigmatic enjoying enjoyment enlarged enlarging enlighten enlisted enquirer enrage enroll ensnare ensure entail
        entangled enticing entire entitle entity entomb entourage entrap entrench entryway entwine enunciate enviable
        envious envision envoy enzyme epidemic epidermis epidural epilogue epiphany episode equate equation equinox
        equipment equity equivocal erasable eraser ergonomic errand erratic error erupt escalator escapade escargot
        esophagus espionage espresso esquire essay essential establish esteemed estimator estranged eternal eternity
        ethanol ethically ethics euphemism evacuate evacuee evade evasive evergreen everybody everyday everyone evict
        evidence evolution evolve exact exalted example excavate exception excess exchange excitable exciting exclaim
        exclude excluding exclusion exclusive excursion excusable excuse exemplary exemplify exerciser exert exfoliate
        exhale exhaust exile existing exit exodus exonerate exorcist expanse expansion expansive expectant expedited
        expel expire expiring expletive explicit explode exploit exploring exponent exporter expose exposure express
        expulsion exquisite extended extent extenuate exterior extinct extortion extradite extrovert extrude extruding
        exuberant fabric fabulous facedown faceless facelift faceted facial facility facsimile factoid factual faculty
        failing falsify fame familiar famished fanatic fancied fanfare fantasize fantastic fantasy fastball faster
        fastness faucet favorable favorite federal fedora feisty feline feminine feminism femur fence ferment fernlike
        ferocious ferocity ferret ferry fervor festival festive festivity fetch fiddle fiddling fidelity fidgeting
        fifteen fiftieth figment figure figurine filter filth finale finalist finalize finance financial finicky
        finisher finishing finite fiscally flagman flagpole flagship flagstone flail flaky flammable flanked flanking
        flannels flaring flashback flashbulb flashcard flashy flask flatbed flatly flatness flatten flattered flatware
        flatworm flavored flavorful flavoring flaxseed fled flier flint flip floral florist floss flounder flying
        flypaper folk follicle follow fondness fondue fool footage football footer foothill foothold footman footnote
        footpath footprint footwear footwork fountain foyer fracture fragile fragility fragment fragrance framing
        frantic fraternal freckled freefall freehand freely freemason freestyle freeware freeway freezing french frenzy
        frequency frequent friction frighten frightful frisbee frisk fritter frivolous frolic frostbite frosted froth
        frown frozen fructose frugally fruit frustrate gainfully gaining gains gala gallantly galleria gallows gallstone
        galvanize gander gangly garbage garland garlic garnet gatherer gathering gauntlet gave gecko geek geiger generic
        generous genetics genre gentile gentleman gently gents geography geologic geologist geometric geometry geriatric
        germicide germinate gestate gestation gesture getaway giant gibberish giblet gift gigabyte gigantic giggling
        gills gimmick giveaway gizmo glacial glacier gladiator glamorous glance glancing glaucoma glazing gleaming
        gleeful glimmer glimpse glisten glitch glitzy gloomily gloomy glorified glorious glory glove glucose gluten
        goggles goldfish goldmine goldsmith goliath gondola google gorgeous gothic graceful graceless gracious gradation
        grader gradient gradually graduate graffiti granddad grandkid grandly grandma grandson granola granular
        grappling gratified gratitude gratuity gravel graveyard gravitate greeting greyhound grief grievance grimace
        grimacing grimy grinch groovy grouped growl grueling gruffly grumbling guacamole guidance guide guiding
        guileless gulp guru gusto gutless guzzler gyration habitable habitat habitual hacked hacksaw haiku halogen
        halves hamburger hamlet hammock hamster hamstring handbag handball handclasp handcraft handcuff handful handheld
        handiwork handlebar handled handling handmade handrail handsaw handset handshake handstand handwoven handyman
        hankering hanky haphazard happening happier happiest happily happiness harbor hardcore hardened hardening
        hardhead hardness hardship hardware hardwired hardwood hardy harmful harmless harmonica harmonize harmony
        harpist harvest hassle hastily hasty hatchback hatchery hatchet hazard hazelnut hazing headache headband
        headboard headcount headdress header headfirst headgear heading headless headphone headsman headstone headway
        heat hefty helium helmet helper helpful helping helpless henchman herald herbicide heritage hermit heroics
        heroism herself hertz hesitancy hesitant hesitate hexagon hubcap huddle huddling huff hula human humbly
        humiliate humility humming hummus humongous humorist humorless humpback humped humvee hundredth hungrily hungry
        hunk hunter huntress huntsman hurled hurling hurray hurricane husband hybrid hydrant hydrated hydration
        hydroxide hyperlink hypertext hyphen hypnosis hypnotic hypnotism hypnotize hypocrisy hypocrite ibuprofen
        idealism idealize ideally identical identify idiocy idiom igloo ignition ignore iguana illicitly illusion
        imagines immature immerse immersion imminent immunity immunize impaired impale impatient impeach impeding
        imperfect imperial implant implement implicate implicit implode implosion impolite important importer impose
        imposing impound imprecise imprint imprison impromptu improper improve improving imprudent impulse impulsive
        impure impurity iodine ipad iphone irate iron irregular irritable irritant irritate isolated isolation isotope
        issuing italics itunes ivory jackpot jailbreak jailer jailhouse jalapeno janitor january jargon jasmine jaundice
        java jersey jigsaw jimmy jingle jinx jitters jogger joining jokester jokingly jovial joyfully joyous joyride
        joystick jubilant judicial judo juggle jujitsu jukebox july jumble jumbo junction juncture junior juniper junkie
        junkyard jurist juror justify justly juvenile kangaroo karaoke karate kebab kept kerchief kerosene kilobyte
        kilogram kilometer kilowatt kimono kindling kindly kindness kindred kinship kinsman kisser kissing kitten kiwi
        kleenex knapsack knee knickers koala kooky kosher krypton kudos laborer laboring laborious labrador ladies ladle
        ladybug ladylike lagoon landfall landlady landline landlord landmark landmass landowner landscape landslide
        language lantern lapdog lapel lapping large late latitude latrine laundry lavender lavish laxative laziness lazy
        lecturer legacy legend leggings legible legislate legume legwork length leotard lesser letdown lethargic
        lethargy lettuce level levers levitate liberty librarian library licorice life lifter liftoff ligament likeness
        likewise liking lilac lilly limb limelight limes limit limping linguist linoleum linseed lion liquefy liqueur
        liquid lisp litigate litigator litmus livable lively livestock lubricate lucid luckily luckless lucrative
        ludicrous lukewarm lullaby lumber luminance lunar luncheon lunchroom lunchtime lurk lushly luster lustrous
        luxurious luxury lyrically lyricism lyrics macarena macaw machine machinist magazine magical magma magnesium
        magnetic magnetism magnitude magnolia mahogany majestic majesty majority makeover makeshift malformed malt
        mammary mammogram manager managing manatee mandarin mandate mandatory mangle mango manhandle manhole manhood
        manhunt manicure manifesto manila mankind manpower mantis manual marathon marauding marbled margarine marigold
        marina marital maritime marmalade maroon married marrow marshland marshy marsupial marvelous marxism masculine
        mashed massager masses mastiff matador matchbook matchbox material maternity mating matriarch matrimony matrix
        matron maturing maverick maximize maximum maybe mayflower mobile mobility mobilize mobster modified modular
        modulator module moisten moisture molar molasses molecular molecule molehill mollusk monastery monetize
        moneyless mongoose monitor monogram monologue monopoly monorail monotone monoxide monsieur monsoon monstrous
        monthly monument moody moonbeam moonlike moonlit moonshine moonstone morale morality morally morbidity morbidly
        morphine morse mosaic mothball motion motivate motive motor motto mounted mourner moustache mousy mouth movable
        move mowing mulberry mule multiple multitask multitude mumbling mummified mummify mummy mumps mundane municipal
        muppet murmuring muscular museum mushroom musket musky mustard mutable mutate mutation mutiny muzzle myself
        myspace mystified nail napkin nastiness national nativity nautical navigate nearby nearest neatly nebula
        nebulizer nectar negate negation negative negligent negotiate nemesis neon nephew nerd nervous nervy neurology
        neuron neurosis neurotic never nickname nicotine nifty nimbly nineteen ninetieth ninja ninth nuclear nucleus
        numbness numeral numerate numerator numeric nuptials nursery nursing nurture nutmeg nutrient nutshell nylon
        oasis obedience object obligate obliged oblivion oblong obnoxious oboe obscure obscurity observant observer
        observing obsessed obsession obsessive obstacle obstinate obtrusive obtuse obvious occupant occupier ocelot
        octagon octane october octopus ointment olympics omega omen omission omit onboard ongoing online onlooker only
        onscreen onset onslaught onstage ooze opacity operable operating operative operator opium opossum opponent
        oppose opposing oppressor osmosis ought ounce outback outboard outbound outbreak outburst outcast outclass
        outcome outdated outdoors outfield outflank outgoing outgrow outhouse outing outlet outline outlook outnumber
        output outrage outright outscore outsell outshine outsider outskirts outsmart outspoken outtakes outward
        outweigh oval overact overblown overboard overbook overbuilt overcast overcoat overcome overcrowd overdraft
        overdrawn overdress overdrive overdue overeager overfed overfill overflow overgrown overhang overhaul overhear
        overjoyed overlaid overlap overlying overnight overpass overpay overpower overprice overreach overripe overrule
        oversized oversleep oversold overspend overstate overstep overstock overtake overthrow overtime overtly overture
        overuse overview oxford oxidant oxidizing oxygen oxymoron oyster ozone pacemaker pacific pacifier pacifism
        padlock pajamas palatable palpable palpitate pampered pamphlet panama pancreas panda pandemic panic panorama
        panther pantomime pantry paparazzi papaya paper paprika parabola parachute paradox paragraph parakeet paralegal
        paralysis paralyze parameter paramount parasite parasitic parchment parka parkway parmesan partake partition
        partner passable passage passenger passerby passover passport password pasta pastel pastime pastrami patchwork
        paternal patience patio patriot patrol patronage patronize pavement pavilion payable paycheck payday payee
        payroll pecan pectin peculiar pediatric pedicure pedigree pelican pelt penalty pencil pendant penniless pension
        pentagon perceive percent percolate perennial perfected perfectly perfume periscope perpetual perplexed
        persecute persevere persuaded pesky peso pessimism petroleum petticoat petunia phoenix phosphate photo phrase
        placard placate placidly plasma plaster platform platinum platonic platypus plausible playback playful playhouse
        playlist playoff playroom plaything pledge plentiful plethora pliable ploy plunging plural plywood poem pogo
        pointer pointing pointless poking policy polio politely polyester polygon polygraph polymer popcorn popsicle
        populace popular porcupine porous portable portal portfolio poser possibly postage postcard posture postwar
        pound powdered powdering powwow prancing prankster praying preamble precinct precise precision precook predict
        preface prefix prelude premiere premium prenatal preoccupy prepaid preppy preschool prescribe preset president
        presume presuming pretended pretense pretext pretty pretzel prevail prevalent prevent preview prewar primal
        primary primate princess pristine privacy privatize proactive probable probation probing problem procedure
        proclaim procreate procurer prodigal prodigy produce profane profanity professed profile profound profusely
        progeny prognosis program projector prologue prolonged promenade prominent promotion promptly pronounce
        proofread proofs propeller properly proponent proposal propose prorate prototype protozoan protract protrude
        proven provider providing province provoke provoking provolone proximity proxy psychic public publisher pueblo
        pulmonary pulverize puma punctual punctuate punctured pungent punisher pupil purchase purebred purely purgatory
        purifier puritan purity purple purplish purposely pursuit purveyor pusher pushing pushover pushup putdown
        puzzling pyramid python quadrant quail quaintly quaking qualified quality quantum quarterly quarters quartet
        quench query quicken quickly quickness quicksand quiet quintet quintuple quirk quizzical quotable quotation
        radar radial radiance radiated radiation radiator radio radish raft rage ragged ragweed railcar railroad railway
        ramble ramp ramrod rancidity random ranger ranging ransack rascal raven ravioli reabsorb reacquire reaction
        reactive reactor reaffirm reanalyze reappear reappoint rearrange rearview reassign reassure reattach rebirth
        reboot reborn rebound rebuild rebuttal recant recapture recede recess recipient recital reclaim recliner
        reclining recluse reclusive recognize recoil recollect reconcile reconfirm recoup recovery recreate rectangle
        rectified recycled recycling reemerge reenact reentry reexamine referee reference refill refinance refinery
        refining refinish reflux refocus reforest reformer reformist refrain refresh refueling refund refurbish refusal
        refute regalia reggae register registrar regress regretful regulate rehab rehire reimburse reissue reiterate
        rejoice rejoicing rekindle related relation relative relax relearn release relenting reliable reliance relic
        relieving reload relocate reluctant rely remark remarry rematch remedial remember reminder remission remnant
        remold removable removal remover removing rename rendering rendition renegade renounce renovator rentable
        reoccur reopen reorder repackage repayment repeated replay replica repossess repost repressed reprimand reprint
        reprise reproach reproduce reprogram reps reptile reptilian repugnant repulsive reputable request requisite
        rerun resale rescuer research reseller resemble reshape reshuffle residence residual residue resilient resistant
        resisting resolute resolved resonant resonate resource respect resubmit resupply resurface resurrect retainer
        retaining retake retaliate rethink retinal retired retiring retool retorted retrace retread retrial retrieval
        retriever retry reunion reunite reusable reuse reveler revenue reverb revered reversal reversing reversion
        revise revisit revival revocable revoke revolver revolving reward rewind rework rewrite richly richness rickety
        rifling rigging rind rinse rinsing ripening ripple rippling risotto ritzy riverbank riverbed riverside riveting
        roast robe robotics robust rockstar rocky rotunda roulette rounding roundup roundworm routine rover roving royal
        ruby ruckus ruined rummage runaround rundown runner runway rupture rural sabbath sabotage sacrament sacred
        sacrifice saddlebag saddled saddling safari safeguard safehouse safely sagging said sake saline salsa salutary
        salute salvage salvaging salvation sampling sanction sanctity sanctuary sandbar sandblast sandbox sandpaper
        sandstone sandstorm sandy sanitary sank sarcasm sarcastic sardine satirical satisfied saturate saturday saucy
        sauna savanna saved savings savior saxophone scalded scale scallop scalping scanner scanning scapegoat scarce
        scarcity scarecrow scarring scavenger schedule schematic schnapps scholar scientist scoff scolding scope scorch
        scorecard scoreless scorpion scoundrel scoured scouts scowling scraggly scrambled scribble scribe script scroll
        scrooge scrubber scruffy scrunch scrutiny scuba sculptor secluded seclusion second secrecy sectional securely
        security sedan sedation sedative sediment seismic seldom selected self seltzer semantic semester semifinal
        seminar senate senior sensation sensitive september sequel sequence sequester series sermon serotonin serpent
        serrated serving sesame sessions setback setup sevenfold seventeen seventh severity shack shaded shakiness shaky
        shallow sharply sharpness shelving shield shiftless shindig shivering shone shoplift shortage shortcake shortcut
        shorthand shorts shortwave showbiz showcase showdown showplace showroom shredder shredding shrewdly shriek
        shrimp shrine shrouded shrubbery shrubs shrunk shuffling siamese siberian siesta silencer silent silica silk
        silliness silver similarly simmering simplify sincere sincerity singular sinister sinuous siren sister sitcom
        situated sixfold sixteen sixth sixtieth sizable sizing sizzle sizzling skater skating skeletal skeptic sketch
        skewed skies skiing skillet skillful skinless skinny skipper skirmish skittle skyline skyrocket skyward slacked
        slackness slander slang slapstick slather slaw sleet sliced sliding slightly slimy slingshot slinky sliver
        slogan sloping sloppily sloppy slouching smartly smartness smasher smashing smelting smile smilingly smirk
        smitten smoked smokeless smolder smooth smudge smuggler smuggling smugness snaking snap snarl snazzy sneezing
        sniff snippet snorkel snout snowbird snowbound snowfall snowflake snowman snowplow snowshoe snowstorm snowy
        spearhead species specimen speckled specks spectacle spectator spectrum speculate speech speller spelling
        spendable spending spent spew sphere spherical sphinx spied spiffy spilt spinach spinal spindle spinner spinning
        spirited spirits spiritual splashed splashing splatter splendid splice splicing splurge spoilage spoils
        spokesman spongy sponsor spoof spooky sporty spotless spotlight spotted spousal spouse sprang spree sprinkled
        sprint sprout spruce sputter spyglass squabble squander squash squeak squealing squeamish squeegee squiggle
        squint stability stabilize stable stadium staff staging stagnant stagnate stainless stallion stamina stamp
        stapling starboard stardom stardust starfish stargazer stark starlet starship starter startling starved static
        statistic statute statutory staunch stays steadfast steadily steep steering stencil stereo sterling sternness
        stiffen stiffly stiffness stifle stifling stimulant stimulate stimuli stimulus stingy stinking stipend stoic
        stonewall stoneware stony stool stoplight stoppage stopped stopwatch storeroom stowaway stowing straggler
        strained straining strangely stranger strategic strategy stratus stray strength strenuous stress strewn stricken
        strict strife striking strobe stroller strongly strongman structure strudel struggle strut stubborn stucco
        student studio stuffy stumble stumbling stunning stupor stylishly stylist stylus subatomic subdivide subdued
        subduing subgroup sublease sublet sublime submarine submerge submersed subpar subplot subscribe subsiding
        subsidize subsidy subsoil substance subsystem subtext subtitle subtly subtract subtype suburb subway subzero
        succulent suction suds sufferer suffering suffice suffix suffocate suggest suitable suitcase sulfate sultry
        superbowl superhero superior superman supernova supervise support supremacy surcharge surfacing surfboard
        surgery surgical surpass surplus surprise surreal surrogate surround survey survival survive surviving sushi
        suspect suspense sustained swagger swapping swarm sway swell swept swerve swifter swiftly swiftness swimsuit
        swimwear swipe swivel swooned swoosh sycamore sympathy symphonic symptom synapse syndrome synergy synopsis
        synthesis synthetic syrup system tables tableware tabloid tackle tacky tactful tactical tactics tactile tactless
        tadpole taekwondo tainted talcum talisman tanned tapered tapestry tarantula tarnish tartly taste tattered tattoo
        tavern theater theatrics theology theorize thermal thesaurus these thesis thespian thicket thickness thieving
        thigh thimble think thinly thinness thirsting thirty thousand thrash threaten threefold thrift thrive thriving
        throbbing throng throttle throwaway throwback thrower throwing thumping thwarting tiara tibia tidbit tidings
        tighten tightly tightness tightrope tightwad timothy tinderbox tingling tipoff tiptoeing tissue track tractor
        trading tradition traffic tragedy trance tranquil transfer transform translate transpire transport transpose
        trapeze traverse travesty treachery treadmill treble trembling trespass triage trial triangle tribesman tribunal
        tribune tributary triceps trickery trickle trickster tricycle trident trillion trilogy trimester trinity trio
        tripod triumph trivial trolling trombone tropical troubling trough trousers trout trowel truffle trunks trustee
        tubular tuesday tuition turbine turbofan turbojet turbulent turmoil tweezers twentieth twenty twice twilight
        twins twirl twister twisting tycoon tyke ultimate ultimatum ultra umbilical umbrella unabashed unadorned
        unafraid unaltered unashamed unaudited unbalance unbiased unbolted unbroken unbundle unburned unbutton uncanny
        uncaring uncertain unchanged uncharted uncivil unclaimed uncle uncoated uncoiled uncommon uncork uncounted
        uncouple uncouth uncover uncured undamaged undaunted undecided undefined underarm undercook undercut underdog
        underfoot undergo undergrad underling undermine underpass underpay underrate undertone underuse underwear
        underwent undiluted undivided undoing undone unearth uneasily uneasy unelected unending unequal unethical uneven
        unexpired unfailing unfair unfazed unfilled unfocused unfrozen unglue unhappily unhappy unharmed unhealthy
        unheard unhelpful unhinge unholy unhook unicorn unicycle unified uniformed uniformly unimpeded uninjured
        uninstall uninvited uniquely unison unissued universal universe unjustly unkempt unkind unknown unlawful
        unleaded unleash unless unlimited unlivable unlocked unlocking unmanaged unmarked unmatched unmixed unmoved
        unnamed unnatural unneeded unnerving unnoticed unopened unopposed unpack unpaid unpainted unpaved unplug
        unpopular unproven unquote unrated unraveled unrelated unrevised unruly unsafe unsavory unscathed unsecured
        unsettled unshackle unshaken unsightly unskilled unsold unsolved unspoiled unspoken unstable unsteady unstuck
        unsubtle unsuited untapped untaxed untidy untie untimely untouched untrained untreated untrue unusable unusual
        unwary unwelcome unwell unwieldy unwitting unworried unworthy unwound unwritten unzip upbeat upcoming upfront
        upgrade upheaval upheld uphill uplifted uprising upriver uproar upscale upstairs upstart upstream upswing uptake
        uptight uptown urban urethane urging usable usage user usual utensil utility utilize utopia vacancy vacant
        vacate vacation vagabond vaguely vagueness valiant valid valuables value variable variety various varmint
        varsity varying vascular vastly vegan vehicular velocity velvet vending vengeful ventricle venus verbalize
        verbally verdict verify versus vertebrae vertical viable vibes vicinity victory video viewer viewing viewpoint
        vigorous village vindicate vineyard vintage violin viral virtual visa viscosity viscous visible vision visiting
        visitor visor vitally vitamins vivacious vividly vividness vixen vocalist vocalize vocally voicing voltage
        volumes voting voucher vowel voyage wafer waffle wages walk walnut walrus waltz wand wanted washable washbasin
        washboard washcloth washer washout washtub wasp wasting waving wham whenever whimsical whiny whoever whole
        whooping whoops widget width wifi wildcard wildcat wilder wildfire wildlife wildly wildness willfully willing
        willow willpower winking winnings winter wired wireless wiring wispy wistful wizard wobbling wolf wolverine
        womanhood worrier worrisome worsening worshiper worst woven wreath wrongful wrongly yanking yeah yearbook yearly
        yearning yeast yelling yelp yesterday yiddish yippee yodel yoga yogurt yoyo zealous zebra zeppelin zero zipping
        zodiac zombie zoning zoologist zoology zoom
        """
}
