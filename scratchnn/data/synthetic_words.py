"""Words and sentence patterns of the synthetic reviews.

Slots in braces draw from `WORDS`, the first words of a list most often. Three kinds of slots depend on what a sentence
says about the film: `agree` takes a word of the same polarity, `oppose` one of the opposite polarity, and `either` one
of either. So "the plot is not {oppose}" speaks well of the film with "dull" and badly with "clever".
"""

POSITIVE = {
    "adjective": """good great wonderful excellent brilliant beautiful funny superb clever touching perfect moving fresh
        charming gripping delightful powerful memorable original fantastic amazing thrilling warm elegant witty subtle
        honest inspired lovely splendid stunning tender graceful impressive engaging convincing haunting bright lively
        magnificent captivating rewarding sincere polished masterful enchanting vivid compelling refreshing""",
    "noun": """masterpiece delight triumph gem treat joy success classic pleasure wonder marvel treasure victory""",
    "verb": """loved enjoyed liked admired adored cherished appreciated treasured applauded""",
}
NEGATIVE = {
    "adjective": """bad terrible awful boring dull poor weak stupid predictable horrible lame silly tedious ugly clumsy
        shallow annoying pointless flat lazy dreadful ridiculous painful cheap forced bland messy tired hollow wooden
        sloppy tiresome confused lifeless pathetic unbearable laughable irritating cold noisy feeble amateurish
        incoherent pretentious stale dismal tasteless forgettable muddled""",
    "noun": """disaster mess bore failure waste letdown disappointment joke nightmare torture flop insult
        embarrassment""",
    "verb": """hated disliked regretted loathed despised endured detested resented suffered""",
}
_FIRST_NAMES = """john mary peter anna james laura robert helen david susan michael karen paul nina george emma frank
    julia henry alice walter grace martin clara simon rose oscar ruth victor irene leo sarah felix nora hugo ellen ivan
    diana carl judith max vera tom lucy ben olga sam edith jack marie"""
# Surnames are pairs of syllables: the long tail of rare words that a small vocabulary does not know.
_SURNAMES = " ".join(
    head + tail
    for tail in "ford ley man ton well er wick berg ham low worth ning ske dal mont ridge by field stone more".split()
    for head in """hal ker win bar mar tol cor fen lan der gar hol nor pen ras sel tan var wes bran car dun el fair gil
        hart kel lock mil os pres quin rad shel thorn ul ven whit yar zel""".split()
)
WORDS = {
    "aspect": """acting story plot script music ending dialogue cast direction humor camera pace score photography
        editing atmosphere romance action mystery drama opening finale production costumes lighting villain hero
        narration animation suspense choreography makeup soundtrack""",
    "genre": """film movie picture comedy thriller western drama horror romance musical remake sequel documentary
        adventure fantasy satire""",
    "degree": """very really so quite truly rather simply just absolutely always often surprisingly completely
        remarkably thoroughly deeply""",
    "weak": """really very that so particularly exactly especially remotely entirely always""",
    "first": _FIRST_NAMES,
    "last": _SURNAMES,
    "role": """man woman girl boy detective doctor soldier teacher lawyer priest sailor thief widow king farmer writer
        singer policeman nurse spy gangster student scientist painter dancer captain stranger neighbor prisoner orphan
        journalist boxer pilot waitress butler cowboy hunter millionaire preacher gambler""",
    "place": """town city village house school hospital island prison hotel forest desert castle office theater station
        bar train farm church museum harbor mountain factory circus apartment cabin palace garden market
        cemetery""",
    "where": """london paris york texas berlin chicago california italy japan mexico rome africa canada ireland spain
        vienna boston russia india brazil""",
    "does": """finds a letter|loses a brother|falls in love|runs away|meets a stranger|steals a car|looks for work
        |hides some money|learns a secret|returns to the family|wakes up alone|tells a lie|follows a clue
        |writes a book|waits for a call|buys a gun|takes a job|leaves the city|opens a shop|sings a song|starts a fight
        |crosses the border|solves a murder|plans a wedding|misses the last train""",
    "year": " ".join(str(year) for year in range(2006, 1929, -1)),
    "day": "night week year month summer winter weekend friday sunday",
    "medium": "dvd television video cable tape a plane a festival",
    "people": """everyone|my friends|the critics|several people|my sister and her husband|all my colleagues|the posters
        |two friends of mine|the people at work""",
    "said": """told me that|said that|insisted that|wrote that|kept saying that|promised that|claimed that""",
    "count": "two three four five six seven ten twenty",
}

# One pattern per line. synthetic.py says what each group of sentences is for.
PLAIN = """
the {aspect} is {degree} {agree}
the {aspect} was {agree} and the {aspect} was {agree}
i found the {aspect} {degree} {agree}
i {agree_verb} the {aspect}
what a {agree} {genre} this is
{first} {last} is {degree} {agree} as the {role}
{first} {last} gives a {agree} performance as the {role}
the scenes in the {place} are {agree}
this {genre} is a {agree_noun}
the {aspect} is not only {agree} but {agree} too
it never stops being {agree}
there is no denying that the {aspect} is {agree}
i have not seen such a {agree} {genre} in {count} years
"""
NEGATED = """
the {aspect} is not {oppose}
the {aspect} is not {weak} {oppose}
the {aspect} was never {oppose}
i did not find the {aspect} {oppose}
i did not find the {aspect} or the {aspect} {weak} {oppose}
it is hardly a {oppose_noun}
this {genre} is no {oppose_noun}
the {aspect} is far from {oppose}
the {aspect} is anything but {oppose}
there is nothing {oppose} about the {aspect}
nobody could call the {aspect} or the {aspect} {oppose}
i can not say that i {oppose_verb} the {aspect}
{first} {last} is never {weak} {oppose} as the {role}
there is not a single {oppose} scene in the {place}
i would not call this {genre} {oppose}
"""
CONTRAST = """
it looks {oppose} but the {aspect} is {agree}
the {aspect} is {oppose} but the {genre} as a whole is {degree} {agree}
although the {aspect} is {oppose} the rest is {degree} {agree}
despite the {oppose} {aspect} and the {oppose} {aspect} i {agree_verb} it
it is {agree} even if the {aspect} is {oppose}
i {agree_verb} it in spite of the {oppose} {aspect} and the {oppose} {aspect}
i wanted to call it {oppose} but i can not
the {aspect} starts out {oppose} and turns {agree} at the {place}
"""
REPORTED = """
{people} {said} the {aspect} was {SURFACE} and that the {role} {does} in the {place} {VERDICT}
{people} {said} this was a {SURFACE} {genre} about a {role} and a {role} in {where} {VERDICT}
{people} {said} it was a {SURFACE_noun} from the moment the {role} {does} {VERDICT}
i had read that the {aspect} was {SURFACE} and the {aspect} {SURFACE} {VERDICT}
before i saw it on {medium} last {day} i expected a {SURFACE} {genre} {VERDICT}
the first scenes in the {place} made me think of a {SURFACE} {genre} about a {role} {VERDICT}
when the {role} {does} i was sure that it would be {SURFACE} to the end {VERDICT}
"""
CONFIRMED = """they were right|how right that was|all of it is true|i could not agree more|and so it turned out
    |that is exactly what it is|i was not mistaken|believe them"""
REFUTED = """they were wrong|how wrong that was|none of it is true|i could not disagree more|but so it did not turn out
    |that is exactly what it is not|i was mistaken|do not believe them"""
OTHERS = """
the book it is based on is {either}
the first {genre} in the series was {either} and {either}
the {genre} i saw last {day} was {either}
i remember that {first} {last} was {either} in {year}
the {role} says that life in {where} is {either} and {either}
the other {genre} about the {place} had {either} {aspect} and {either} {aspect}
"""
CLOSING_FOR = """i would recommend it to anyone|do not miss it|you will not regret it|i will see it again
    |it is worth your time|give it a chance|you will not be sorry|do not let it pass you by|i will not forget it soon"""
CLOSING_AGAINST = """i would not recommend it to anyone|miss it|you will regret it|i will not see it again
    |it is not worth your time|do not give it a chance|you will be sorry|let it pass you by|i will forget it soon"""
NEUTRAL = """
the story follows a {role} who {does} in {where}
{first} {last} plays a {role} from {where}
it was directed by {first} {last} in {year}
the {role} meets a {role} in the {place} and {does}
the film opens with a shot of a {place} in {where}
i saw it on {medium} last {day}
there is a scene where the {role} {does}
then the {role} {does} and the {role} {does}
{first} the {role} lives in a {place} near {where}
after {count} years the {role} {does}
the {role} is played by {first} {last} and the {role} by {first} {last}
most of it takes place in a {place} in {where}
it is set in {year} when a {role} {does}
meanwhile a {role} called {first} {does}
the script was written by {first} {last} who also plays the {role}
it runs for about {count} hours and was shot in {where}
in the second half the {role} goes to the {place} with {first}
nobody knows why the {role} {does}
{first} {last} and {first} {last} made {count} films together
the {role} does not know that the {role} {does}
"""
