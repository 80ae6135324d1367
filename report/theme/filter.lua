-- The report is plain Markdown, so that any site takes it. This filter gives it back what plain Markdown cannot say:
-- an image followed by "**Figure N.** ..." is a figure with that caption, "**Table N.** ..." before a table its caption.

local function starts_with(block, word)
  if not block or block.t ~= "Para" then return false end
  local first = block.content[1]
  if first and first.t == "Span" then first = first.content[1] end
  return first and first.t == "Strong" and pandoc.utils.stringify(first):find("^" .. word .. " %d+%.") ~= nil
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

local function for_format(image)
  local alt = pandoc.utils.stringify(image.caption)
  image.caption = { pandoc.Str(alt) }
  if FORMAT:match("latex") then
    -- LaTeX looks for the drawing in \graphicspath, beside the source or one folder up.
    image.src = image.src:match("([^/]+)%.svg$") .. ".pdf"
    image.caption = {}
    image.attributes.alt = nil
  end
  return image
end

function Blocks(blocks)
  local result = pandoc.List()
  local i = 1
  while i <= #blocks do
    local block, following = blocks[i], blocks[i + 1]
    local image = image_of(block)
    if image and starts_with(following, "Figure") then
      result:insert(pandoc.Figure({ pandoc.Plain({ for_format(image) }) }, caption_of(following)))
      i = i + 2
    elseif starts_with(block, "Table") and following and following.t == "Table" then
      following.caption = caption_of(block)
      following.classes:insert("sortable")
      result:insert(following)
      i = i + 2
    else
      result:insert(block)
      i = i + 1
    end
  end
  return result
end

-- Links to the origin of a number, to a claim, to a reference: the page styles them each in its way.
function Link(link)
  local kinds = { ["#n-"] = "num", ["#claim-"] = "verdict", ["#ref-"] = "cite" }
  for prefix, class in pairs(kinds) do
    if link.target:sub(1, #prefix) == prefix then link.classes:insert(class) end
  end
  local text = pandoc.utils.stringify(link.content)
  local verdict = link.classes:includes("verdict") and text:match("^Claim %d+: (.*)$")
  if not verdict then return link end
  verdict = verdict:gsub(" with these runs", ""):gsub(" ", "-")
  link.classes:insert(verdict)
  if FORMAT:match("latex") then
    link.content:insert(1, pandoc.RawInline("latex", "\\verdict{" .. verdict .. "}{"))
    link.content:insert(pandoc.RawInline("latex", "}"))
  elseif FORMAT == "typst" then
    link.content:insert(1, pandoc.RawInline("typst", '#verdict("' .. verdict .. '")['))
    link.content:insert(pandoc.RawInline("typst", "]"))
  end
  return link
end

-- A formula in a line of its own list entry scrolls where the page is narrow, and has its sums and fractions in full.
function Math(math)
  if not math.text:match("^\\displaystyle") then return nil end
  if FORMAT:match("html") then return pandoc.Span({ math }, { class = "formula" }) end
  if FORMAT == "typst" then
    local set = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ math }) }), "typst"):gsub("%s+$", "")
    return pandoc.RawInline("typst", "#math.equation(math.display(" .. set .. ".body))")
  end
end

-- Code breaks after its points and underscores: keys are long, and columns narrow.
function Code(code)
  if not FORMAT:match("latex") then return nil end
  local escaped = code.text:gsub("[\\{}$&#^_~%%]", {
    ["\\"] = "\\textbackslash{}", ["{"] = "\\{", ["}"] = "\\}", ["$"] = "\\$", ["&"] = "\\&", ["#"] = "\\#",
    ["^"] = "\\textasciicircum{}", ["_"] = "\\_", ["~"] = "\\textasciitilde{}", ["%"] = "\\%",
  })
  escaped = escaped:gsub("\\_", "\\_\\allowbreak{}"):gsub("([%./])", "%1\\allowbreak{}"):gsub("@", "\\allowbreak{}@")
  return pandoc.RawInline("latex", "\\texttt{" .. escaped .. "}")
end

-- The list of contents stands after the first section, the abstract, so that the first page says what this is.
function Pandoc(doc)
  local raw = { latex = "\\contents", typst = "#contents" }
  if not raw[FORMAT] then return nil end
  local headings = 0
  local blocks = pandoc.List()
  for _, block in ipairs(doc.blocks) do
    if block.t == "Header" and block.level == 1 then
      headings = headings + 1
      if headings == 2 then blocks:insert(pandoc.RawBlock(FORMAT, raw[FORMAT])) end
    end
    blocks:insert(block)
  end
  return pandoc.Pandoc(blocks, doc.meta)
end

-- A comment ends a list and begins another; where comments are dropped an empty block does.
function RawBlock(block)
  if FORMAT == "typst" and block.format == "html" then return pandoc.RawBlock("typst", "#block(height: 0pt)[]") end
end
