-- The report is plain Markdown, so that any site takes it. This filter gives it back what plain Markdown cannot say:
-- an image followed by "**Figure N.** ..." is a figure with that caption, "**Table N.** ..." before a table its caption.

local HTML, LATEX, TYPST = FORMAT:match("html") ~= nil, FORMAT:match("latex") ~= nil, FORMAT == "typst"
local text_of = pandoc.utils.stringify

local function starts_with(block, word)
  if not block or block.t ~= "Para" then return false end
  local first = block.content[1]
  if first and first.t == "Span" then first = first.content[1] end
  return first and first.t == "Strong" and text_of(first):find("^" .. word .. " %d+%.") ~= nil
end

-- With its anchor: not every format keeps identifiers of figures and tables.
local function caption_of(block)
  return pandoc.Caption({ pandoc.Plain(block.content) })
end

local function is_image(block)
  return block and (block.t == "Para" or block.t == "Plain") and #block.content == 1 and block.content[1].t == "Image"
end

local function image_of(block)
  if block.t == "Figure" then
    local inner = block.content[1]
    return is_image(inner) and inner.content[1] or nil
  end
  return is_image(block) and block.content[1] or nil
end

-- Text as a string of Typst's.
local function quoted(text)
  return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("%s+", " ") .. '"'
end

local function for_format(image)
  if HTML then
    -- rederive.report.html puts the drawing here.
    return pandoc.RawInline("html", "<!--drawing " .. image.src:match("([^/]+)%.svg$") .. "-->")
  end
  if TYPST then
    return pandoc.RawInline("typst", "#image(" .. quoted(image.src) .. ", alt: " .. quoted(text_of(image.caption)) .. ")")
  end
  if LATEX then
    -- LaTeX looks for the drawing in \graphicspath, beside the source or one folder up.
    image.src = image.src:match("([^/]+)%.svg$") .. ".pdf"
    image.caption = {}
    image.attributes.alt = nil
  end
  return image
end

local VERDICTS = { ["holds"] = true, ["does not hold"] = true, ["undecided"] = true, ["not testable"] = true }

local function mark_verdicts(tbl)
  for _, body in ipairs(tbl.bodies) do
    for _, row in ipairs(body.body) do
      for _, cell in ipairs(row.cells) do
        local first = cell.contents[1]
        local said = first and #cell.contents == 1 and #first.content == 1 and first.content[1].t == "Strong" and text_of(first)
        if said and VERDICTS[said] then cell.attr.classes:insert((said:gsub(" ", "-"))) end
      end
    end
  end
end

-- On a page a narrow window scrolls the table and not the text, and the keyboard reaches it. The caption stands before
-- it: within the table it would be as wide as that. The widths of columns are meant for paper.
local function on_page(tbl, caption)
  mark_verdicts(tbl)
  tbl.colspecs = tbl.colspecs:map(function(spec) return { spec[1], nil } end)
  local name = caption and text_of(caption):match("^Table %d+") or "Table"
  tbl.attributes["aria-label"] = name
  -- Attributes as a list: a table of Lua has no order, and equal text gives equal bytes.
  local attributes = { { "role", "region" }, { "tabindex", "0" }, { "aria-label", name } }
  local region = pandoc.Div({ tbl }, pandoc.Attr("", { "wide" }, attributes))
  if not caption then return { region } end
  return { pandoc.Div({ pandoc.Plain(caption.content) }, { class = "caption" }), region }
end

-- A short table is not broken.
local function whole_if_short(tbl)
  if not TYPST or #tbl.bodies[1].body > 10 then return { tbl } end
  return { pandoc.RawBlock("typst", "#block(breakable: false, width: 100%)["), tbl, pandoc.RawBlock("typst", "]") }
end

-- Nor is a short listing, which Typst never breaks.
local function listing_whole_if_short(code)
  local _, breaks = code.text:gsub("\n", "")
  if FORMAT ~= "latex" or breaks > 30 then return { code } end
  local before, after = "\\begingroup\\fvset{samepage=true}", "\\endgroup"
  return { pandoc.RawBlock("latex", before), code, pandoc.RawBlock("latex", after) }
end

-- What paper leaves out, and what it sets in two columns, stands between comments.
local function comment(block, text)
  return block and block.t == "RawBlock" and block.text:match("^<!%-%- " .. text .. " %-%->") ~= nil
end

local COLUMNS = {
  ["in two columns"] = { latex = "\\begin{multicols}{2}\\small", typst = "#columns(2, gutter: 6mm)[#set text(size: 0.9em)" },
  ["in two columns, end"] = { latex = "\\end{multicols}", typst = "]" },
}

local function columns_of(block)
  for text, raw in pairs(COLUMNS) do
    if raw[FORMAT] and comment(block, text) then return pandoc.RawBlock(FORMAT, raw[FORMAT]) end
  end
end

-- A paragraph that leads to a list or to a formula stays on its page.
local function leads(block, following)
  if block.t ~= "Para" or not following then return false end
  local displayed = following.t == "Para" and following.content[1]
  return text_of(block):sub(-1) == ":" or (displayed and (displayed.mathtype == "DisplayMath" or (displayed.t == "RawInline" and displayed.text:find("^[#\\]displayed") ~= nil)))
end

local function keep_with_next(block)
  if LATEX then return { block, pandoc.RawBlock("latex", "\\nopagebreak") } end
  if TYPST then
    return { pandoc.RawBlock("typst", "#block(sticky: true)["), block, pandoc.RawBlock("typst", "]") }
  end
  return { pandoc.Div({ block }, { class = "lead" }) }
end

-- Code folds: the line that names it stays.
local function foldable(block)
  local name = block.text:match("%f[%w](class [%w_]+)") or block.text:match("%f[%w](def [%w_]+)") or "Code"
  return {
    pandoc.RawBlock("html", '<details class="code" open><summary><code>' .. name .. "</code></summary>"),
    block,
    pandoc.RawBlock("html", "</details>"),
  }
end

function Blocks(blocks)
  local result = pandoc.List()
  local i = 1
  while i <= #blocks do
    local block, following = blocks[i], blocks[i + 1]
    local image = image_of(block)
    if comment(block, "on the page only") and not HTML then
      repeat i = i + 1 until i >= #blocks or comment(blocks[i], "on the page only, end")
      i = i + 1
    elseif image and starts_with(following, "Figure") then
      result:insert(pandoc.Figure({ pandoc.Plain({ for_format(image) }) }, caption_of(following)))
      i = i + 2
    elseif starts_with(block, "Table") and following and following.t == "Table" then
      following.classes:insert("sortable")
      if HTML then
        result:extend(on_page(following, block))
      else
        following.caption = caption_of(block)
        result:extend(whole_if_short(following))
      end
      i = i + 2
    else
      if block.t == "Table" and HTML then
        result:extend(on_page(block))
      elseif LATEX and block.t == "Header" and columns_of(following) then
        result:extend({ pandoc.RawBlock("latex", "\\roomfor{11\\baselineskip}"), block }) -- columns let go of their heading
      elseif columns_of(block) then
        result:insert(columns_of(block))
      elseif block.t == "RawBlock" and TYPST then
        -- A comment ends a list and begins another; where comments are dropped an empty block does.
        result:insert(pandoc.RawBlock("typst", "#block(height: 0pt)[]"))
      elseif block.t == "CodeBlock" and HTML then
        result:extend(foldable(block))
      elseif block.t == "CodeBlock" then
        result:extend(listing_whole_if_short(block))
      elseif leads(block, following) then
        result:extend(keep_with_next(block))
      else
        result:insert(block)
      end
      i = i + 1
    end
  end
  return result
end

-- What stands outside the text proper has no number.
function Header(header)
  local title = text_of(header)
  if title == "Abstract" or title == "At a glance" or title == "References" or title:match("^Appendix") then
    header.classes:insert("unnumbered")
    return header
  end
end

-- Links to the origin of a number, to a claim, to a reference: the page styles them each in its way.
function Link(link)
  if not HTML and link.target:sub(1, 3) == "#n-" then return link.content end -- the appendix of origins is on the page
  local kinds = { ["#n-"] = "num", ["#claim-"] = "verdict", ["#ref-"] = "cite", ["#fig-"] = "see", ["#tab-"] = "see" }
  for prefix, class in pairs(kinds) do
    if link.target:sub(1, #prefix) == prefix then link.classes:insert(class) end
  end
  local text = text_of(link.content)
  local verdict = link.classes:includes("verdict") and (text:match("^Claim %d+: (.*)$") or text:match("^%d+ (.*)$"))
  if not verdict then return link end
  verdict = verdict:gsub(" with these runs", "")
  verdict = VERDICTS[verdict] and verdict:gsub(" ", "-") or "not-testable"
  link.classes:insert(verdict)
  if LATEX then
    link.content:insert(1, pandoc.RawInline("latex", "\\verdict{" .. verdict .. "}{"))
    link.content:insert(pandoc.RawInline("latex", "}"))
  elseif TYPST then
    link.content:insert(1, pandoc.RawInline("typst", '#verdict("' .. verdict .. '")['))
    link.content:insert(pandoc.RawInline("typst", "]"))
  end
  return link
end

-- A formula in a line of its own list entry scrolls where the page is narrow, and has its sums and fractions in full.
-- A reader that does not see it is read its LaTeX.
function Math(math)
  local full = math.text:match("^\\displaystyle") ~= nil
  if HTML and full then return pandoc.Span({ math }, { class = "formula" }) end
  if TYPST then
    local set = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ math }) }), "typst"):gsub("%s+$", "")
    local alt = quoted((math.text:gsub("^\\displaystyle%s*", "")))
    local body = full and "math.display(" .. set .. ".body)" or set .. ".body"
    local name = math.mathtype == "DisplayMath" and "#displayed" or "#math.equation"
    return pandoc.RawInline("typst", name .. "(alt: " .. alt .. ", " .. body .. ")")
  end
  if LATEX and math.mathtype == "DisplayMath" then
    return pandoc.RawInline("latex", "\\displayed{" .. math.text .. "}")
  end
end

-- Code breaks after its points and underscores: keys are long, and columns narrow.
function Code(code)
  if not LATEX then return nil end
  local escaped = code.text:gsub("[\\{}$&#^_~%%]", {
    ["\\"] = "\\textbackslash{}", ["{"] = "\\{", ["}"] = "\\}", ["$"] = "\\$", ["&"] = "\\&", ["#"] = "\\#",
    ["^"] = "\\textasciicircum{}", ["_"] = "\\_", ["~"] = "\\textasciitilde{}", ["%"] = "\\%",
  })
  escaped = escaped:gsub("\\_", "\\_\\allowbreak{}"):gsub("([%./])", "%1\\allowbreak{}"):gsub("@", "\\allowbreak{}@")
  return pandoc.RawInline("latex", "\\texttt{" .. escaped .. "}")
end

-- The list of contents stands before the first numbered section, so that the first page says what this is. A text of
-- few sections has none.
local SECTIONS_WITH_CONTENTS = 8

function Pandoc(doc)
  local raw = { latex = "\\contents", typst = "#contents" }
  if not raw[FORMAT] then return nil end
  local first, numbered = nil, 0
  for i, block in ipairs(doc.blocks) do
    if block.t == "Header" and block.level == 1 and not block.classes:includes("unnumbered") then
      first = first or i
      numbered = numbered + 1
    end
  end
  if numbered >= SECTIONS_WITH_CONTENTS then doc.blocks:insert(first, pandoc.RawBlock(FORMAT, raw[FORMAT])) end
  return doc
end
